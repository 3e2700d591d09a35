"""The words of a report's chapters out of the ledger, in both languages."""

from lifeline_kit.text import Text

LEDGER_WORDS = {
    "book": Text("台账", "Ledger"),
    "book_head": Text("台账截至", "Ledger up to"),
    "no_book": Text(
        "本报告未接入台账：报警处置、隐患与责任清单没有数据。",
        "No ledger was given: nothing is known of how alarms were handled, of hazards and duties.",
    ),
    "book_at": Text(
        "第 {seq} 条，哈希 {hash}（此后的记录不计入）",
        "event {seq}, hash {hash} (what came after does not count)",
    ),
    "book_broken": Text(
        "台账链校验未通过，以下取自台账的数字不可信：{problem}",
        "The ledger is not whole; do not trust the numbers taken from it: {problem}",
    ),
    "actions": Text("当前最要紧的三件事", "Three things to do first"),
    "no_actions": Text("台账中没有未办结的事项。", "Nothing is open in the ledger."),
    "handled": Text("报警与预警处置", "Alarms and warnings as handled"),
    "nothing_handled": Text(
        "统计期内台账没有报警，也没有发布预警。",
        "In the period the ledger has no alarm, and no warning was issued.",
    ),
    "alarms": Text("报警", "Alarms"),
    "of_devices": Text("其中设备类", "of devices"),
    "converted": Text("转预警", "Became warnings"),
    "conversion": Text("转化率", "Share"),
    "closed_n": Text("已解除", "Closed"),
    "conversion_note": Text(
        "转化率 = 成为预警依据的报警 / 监测量报警（不含设备类报警）；预警按台账发布时刻计入本期。",
        "Share: alarms that a warning rests on, of those that are not about the device itself; "
        "warnings count by when the ledger issued them.",
    ),
    "rates": Text("时效与比率", "Times and rates"),
    "indicator": Text("指标", "Indicator"),
    "value": Text("值", "Value"),
    "rates_note": Text(
        "n 为所依据的条数。超时未办含以前发布、至今未办结的；其余只计本期发布的预警。"
        "响应为发布至首次处置，控险为发布至受控，及时率 = 各时限内解除 / 已解除。",
        "n: how many it rests on. Overdue counts what was issued before and is still waited for; "
        "all else the warnings of the period. Response is from issue to the first disposal, "
        "control to being under control; on time: closed within every limit, of those closed.",
    ),
    "unit": Text("责任单位", "Unit"),
    "units": Text("责任单位办理情况", "Units"),
    "issued_n": Text("收到预警", "Warnings"),
    "on_time": Text("处置及时率", "On time"),
    "late_n": Text("超时", "Overdue"),
    "precision": Text(
        "规则准确率与误报耗时", "How often rules were right, and whose time they took"
    ),
    "judged": Text("已研判", "Judged"),
    "real_n": Text("属实", "Real"),
    "right": Text("准确率", "Precision"),
    "wasted": Text("误报耗时 h", "Hours on false ones"),
    "whose": Text("耗时单位", "Whose hours"),
    "no_verdicts": Text(
        "统计期内发布的预警尚无研判结论。", "No warning of the period has a verdict yet."
    ),
    "hazards": Text("隐患", "Hazards"),
    "no_hazards": Text(
        "台账中没有本期在管的隐患。", "The ledger has no hazard that was open in the period."
    ),
    "hz_total": Text("总数", "All"),
    "hz_carried": Text("上期遗留", "Carried over"),
    "hz_fresh": Text("本期新增", "New"),
    "hz_mended": Text("本期治理", "Mended"),
    "hz_open": Text("尚未治理", "Still open"),
    "hz_late": Text("逾期", "Overdue"),
    "hz_level": Text("隐患级别", "Level"),
    "pipes_high": Text(
        "高风险管道 {km} km，占管道总长 {share}",
        "Pipes at high risk: {km} km, {share} of all pipes",
    ),
    "due": Text("期限", "Due"),
    "state": Text("状态", "State"),
    "late": Text("逾期", "overdue"),
    "duties": Text("建议与责任清单", "What is to be done, by whom, until when"),
    "no_duties": Text(
        "台账中没有未解除的预警、未完成的任务或未整改的隐患。",
        "The ledger has no open warning, task or hazard.",
    ),
    "sort": Text("类别", "Sort"),
    "todo": Text("要办的事", "To do"),
    "audit": Text("附录 D 审计记录", "Appendix D: audit trail"),
    "audit_whole": Text(
        "台账只增不改，逐条以哈希相连；截至本报告所用的记录，链已核对完整。",
        "The ledger is only added to, each event carries the hash of the one before; up to the "
        "event this report rests on, the chain was checked and is whole.",
    ),
    "events": Text("记录数", "Events"),
    "act": Text("操作", "Act"),
    "hash": Text("哈希", "Hash"),
}

NEXT = {  # what an open thing waits for
    ("warning", "pending"): Text("接收并到场处置", "receive it and act on site"),
    ("warning", "handling"): Text("处置并提请复核", "bring it under control, ask for re-check"),
    ("warning", "review"): Text("按数据复核", "re-check it by the data"),
    ("warning", "release"): Text("给出结论并解除", "give a verdict and close it"),
    ("task", "open"): Text("完成并回报", "do it and report"),
    ("hazard", "todo"): Text("整改", "mend it"),
    ("hazard", "audit"): Text("验收", "audit what was mended"),
}
