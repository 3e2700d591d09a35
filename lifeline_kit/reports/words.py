"""The words of the check-up report, in both languages."""

from lifeline_kit.text import Lang, Text

WORDS = {
    "title": Text("城市生命线体检报告", "City lifelines check-up report"),
    "simulated": Text("模拟数据", "Simulated data"),
    "real": Text("实测数据", "Measured data"),
    "scope": Text("范围", "Scope"),
    "whole_city": Text("全市", "whole city"),
    "period": Text("统计期", "Period"),
    "cutoff": Text("数据截止", "Data up to"),
    "completeness": Text("评分依据完整度", "Basis of scores known"),
    "received": Text("读数完整度", "Readings received"),
    "all_files": Text("全部文件", "all files"),
    "data_source": Text("数据来源", "Source of data"),
    "distrust": Text(
        "{lifeline}：仅 {share} 的读数通过质量检验，以下结论不可信，请先核对单位与传感器。",
        "{lifeline}: only {share} of the readings pass quality control; do not trust what follows "
        "before unit and sensors are checked.",
    ),
    "version": Text("版本指纹", "Version stamp"),
    "contents": Text("目录", "Contents"),
    "conclusion": Text("总体结论", "Overall result"),
    "score": Text("得分", "Score"),
    "raw": Text("封顶前", "before cap"),
    "grade": Text("等级", "Grade"),
    "open_warnings": Text("未解除预警", "Open warnings"),
    "online": Text("设备在线率", "Sensors online"),
    "unknown": Text("未知", "unknown"),
    "attention": Text("需要优先关注", "Needs attention first"),
    "nothing_open": Text("没有未解除的预警。", "No warning is open."),
    "map": Text("风险四色图", "Risk map"),
    "no_map": Text(
        "输入文件没有空间位置，无法绘制地图。",
        "The files carry no places, so there is no map.",
    ),
    "scores_by_lifeline": Text("分系统得分", "Scores by lifeline"),
    "lifeline": Text("系统", "Lifeline"),
    "assets": Text("资产数", "Assets"),
    "km": Text("里程 km", "km"),
    "mean_year": Text("平均建成年", "Mean year built"),
    "sensors": Text("测点", "Sensors"),
    "good": Text("合格读数", "Good readings"),
    "offline": Text("离线", "Offline"),
    "inventory": Text("底数", "Inventory"),
    "monitoring": Text("监测运行", "Monitoring"),
    "warnings": Text("预警", "Warnings"),
    "level": Text("级别", "Level"),
    "issued": Text("发布", "Issued"),
    "cleared": Text("解除", "Cleared"),
    "open": Text("未解除", "open"),
    "place": Text("位置", "Place"),
    "what": Text("内容", "What"),
    "evidence": Text("依据", "Evidence"),
    "source": Text("限值来源", "Source of limit"),
    "unverified": Text("依据待核", "source not yet verified"),
    "since": Text("起", "From"),
    "findings": Text("发现", "Findings"),
    "no_findings": Text("统计期内没有发现。", "Nothing was found in the period."),
    "more_rows": Text("另有 {n} 行未列出。", "{n} more rows are not listed."),
    "risk_share": Text("风险分布", "Risk"),
    "pulled_down": Text("失分项", "Pulled down by"),
    "n": Text("样本数", "n"),
    "coupling": Text("耦合影响", "Coupling between lifelines"),
    "cause": Text("起因", "Cause"),
    "districts": Text("分区排名", "Districts"),
    "district": Text("分区", "District"),
    "population": Text("人口（模型）", "Population (modelled)"),
    "method": Text("附录 A 方法与限值", "Appendix A: methods and limits"),
    "method_note": Text(
        "得分为 0–100 扣分制，等级按 CJJ 99 分界 90/80/66/50；完整度低于 60 % 不评分。"
        "状况与风险模型为专家模型，未经验证。",
        "Scores are 0-100 by deduction, grades by the cuts of CJJ 99 at 90/80/66/50; no score "
        "below 60 % completeness. Condition and risk come from an expert model, unvalidated.",
    ),
    "rule": Text("规则", "Rule"),
    "limits": Text("限值", "Limits"),
    "quality": Text("附录 B 数据质量", "Appendix B: data quality"),
    "test": Text("检验", "Test"),
    "count": Text("读数", "Readings"),
    "notes": Text("读入说明", "Notes on loading"),
    "sources": Text("附录 C 数据来源与许可", "Appendix C: data sources and licences"),
    "licence": Text("许可", "Licence"),
    "loads": Text("荷载通过", "Load passages"),
    "peak": Text("峰值", "Peak"),
    "duration": Text("历时", "Duration"),
    "time": Text("时间", "Time"),
    "sensor": Text("测点", "Sensor"),
    "disclaimer": Text(
        "辅助研判，不替代现场检测。", "Decision support; no substitute for inspection."
    ),
    "footer": Text("由 lifeline_kit 生成", "Made with lifeline_kit"),
}

TESTS = {
    "range_fail": Text("超出量程", "outside the span"),
    "range_suspect": Text("超出合理范围", "outside the plausible range"),
    "spike": Text("尖峰", "spike"),
    "rate_of_change": Text("变化过快", "changed too fast"),
    "flat_line": Text("停滞", "stuck"),
    "gap": Text("间断后首值", "first after a gap"),
    "future_stamp": Text("时间戳超前", "stamp in the future"),
}


def words(lang: Lang) -> dict[str, str]:
    """All words in one language."""
    return {key: text(lang) for key, text in WORDS.items()}
