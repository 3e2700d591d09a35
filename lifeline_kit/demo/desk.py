"""A simulated month at the warning desk: what people would have done with the demo city's warnings.

Response times are drawn around the seven minutes that a monitoring centre reports on average; what
a warning was in the end is looked up in what was injected. Detectors see nothing of this.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.demo.defects import hazards
from lifeline_kit.demo.size import stream
from lifeline_kit.early_warning.alarms import alarm_drafts, cleared, is_alarm
from lifeline_kit.early_warning.duty import Duty, load_duty
from lifeline_kit.early_warning.issue import drafts_of
from lifeline_kit.early_warning.timers import due
from lifeline_kit.io.ledger import COPY, Draft, Ledger, backup
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.ledger import item_id

_PEOPLE = ("王（模拟）", "李（模拟）", "赵（模拟）", "陈（模拟）")
_VERDICTS = {  # what was injected -> what people would call it
    ("incident", "pipe_leak"): "leak",
    ("incident", "burst"): "burst",
    ("incident", "slow_leak"): "leak",
    ("incident", "blockage"): "blockage",
    ("incident", "overload"): "overload",
    ("decoy", "biogas"): "biogas",
    ("decoy", "hydrant"): "operation",
}
_BY_CLASS = {"incident": "true", "sensor_fault": "device", "decoy": "operation"}
_RESPONSE_MIN, _SPREAD = 7.0, 0.7  # median and spread of the logarithm; Economic Daily 2025-08-30
_REPAIR = pd.Timedelta(hours=48)
_AFTER = pd.Timedelta(hours=6)  # a finding may come so long after its cause has ended


def verdict_of(findings: pd.DataFrame, truth: pd.DataFrame) -> str:
    """Say what findings were, by what was injected at their place and time; else `false`."""
    since, until = findings["since"].min(), findings["until"].max()
    start, end = (pd.to_datetime(truth[name]).dt.tz_localize(None) for name in ("start", "end"))
    near = (start <= (since if pd.isna(until) else until)) & (end >= since - _AFTER)
    sensors = set(findings["sensor"]) - {""}
    seen = [bool(sensors & set(str(each).split(";"))) for each in truth["sensors"]]
    own = truth["asset"].isin(set(findings["asset"])) | np.array(seen)
    for kind in ("incident", "decoy", "sensor_fault"):
        rows = truth[near & own & (truth["class"] == kind)]
        if len(rows):
            return _VERDICTS.get((kind, rows["kind"].iloc[0]), _BY_CLASS[kind])
    return "false"


def month(
    ledger: Ledger, city: City, examination: Examination, truth: pd.DataFrame, *, seed: int,
    duty: Duty,
) -> None:  # fmt: skip
    """Fill an empty ledger with a month of alarms, warnings, hazards and what people did.

    Parameters
    ----------
    ledger : Ledger
    city : City
    examination : Examination
    truth : DataFrame
        Of `demo.truth.truth_table`.
    seed : int
    duty : Duty
    """
    rng = stream(seed, "desk")
    planned = [
        step
        for name, row in examination.warnings.sort_values("issued").iterrows()
        for step in _story(str(name), row, examination, truth, rng, duty)
    ]
    findings = examination.findings
    for alarm in findings.index[is_alarm(findings)]:
        planned += _alarm_story(findings.loc[[alarm]], examination.since, rng)
    planned += hazards(city, examination, duty, rng)
    for at, drafts in sorted(planned, key=lambda step: step[0]):
        if at > examination.at:
            break
        _remind(ledger, duty, at)
        ledger.append(drafts, now=at.to_datetime64())
    _remind(ledger, duty, examination.at)


def _remind(ledger: Ledger, duty: Duty, until: pd.Timestamp) -> None:
    """Write the reminders that fell due, as the watch would have; nobody is told anything."""
    for step in due(ledger.items(limit=None), duty, now=until.to_datetime64()):
        body = {"step": step.step, "told": step.contact.key}
        draft = Draft(entity="warning", item=step.item, act="remind", actor="lifeline", body=body,
                      key=step.key[:300])  # fmt: skip
        ledger.append([draft], now=step.at)


def _story(
    name: str,
    row: pd.Series,
    examination: Examination,
    truth: pd.DataFrame,
    rng: np.random.Generator,
    duty: Duty,
) -> Iterator[tuple[pd.Timestamp, list[Draft]]]:
    """Yield when what is done to one warning."""
    findings = examination.findings.loc[list(row["findings"])]
    none = pd.DataFrame(columns=["state", "level", "body"])
    one = examination.warnings.loc[[name]]
    issue = drafts_of(one, examination.findings, none, duty, at=row["issued"])
    item = next(draft.item for draft in issue if draft.act == "issue")
    yield row["issued"], issue
    person, task = str(rng.choice(_PEOPLE)), item_id(f"task:{item}")
    level = int(row["level"])

    def act(
        at: pd.Timestamp, act: str, body: dict, entity: str = "warning"
    ) -> tuple[pd.Timestamp, list[Draft]]:
        key, of = f"demo:{item}:{act}"[-300:], item if entity == "warning" else task
        return at, [Draft(entity=entity, item=of, act=act, actor=person, body=body, key=key)]

    def after(minutes: float, spread: float) -> np.timedelta64:
        drawn = minutes * np.exp(spread * rng.standard_normal())
        return np.timedelta64(round(float(np.clip(drawn, 1.0, 2880.0)) * 60), "s")

    at = row["issued"] + after(_RESPONSE_MIN, _SPREAD)
    yield act(at, "receive", {})
    at += after(0.4 * duty.response_min[level], 0.6)
    yield act(at, "dispose", {"text": "到场核查（模拟）"})
    at += after(0.5 * duty.control_min[level], 0.6)
    yield act(at, "control", {})
    unit = duty.units[str(row["lifeline"])][0]
    order = {
        "unit": unit.zh, "unit_en": unit.en, "due": (at + _REPAIR).isoformat(), "of": item,
        "title_zh": "现场检测与修复（模拟）", "title_en": "check on site and mend (simulated)",
        "lifeline": row["lifeline"], "asset": row["asset"], "origin": "simulated",
    }  # fmt: skip
    yield act(at, "order", order, "task")
    if pd.isna(row["cleared"]):
        return
    quiet = pd.Timedelta(hours=duty.quiet_h[level])
    at = max(at, row["cleared"]) + after(30.0, 0.5)
    yield act(at, "submit", {})
    at = max(at + after(5.0, 0.5), row["cleared"] + quiet)
    since = f"{row['cleared']:%Y-%m-%d %H:%M}"
    yield act(at, "recheck", {"basis": f"back within limits since {since} UTC (simulated)"})
    verdict = verdict_of(findings, truth)
    at += after(20.0, 0.5)
    closing = act(at, "close", {"verdict": verdict})[1]
    said = {"of": item, "verdict": verdict, "lifeline": row["lifeline"], "origin": "simulated"}
    said |= {"rules": sorted(set(findings["rule"])), "methods": sorted(set(findings["method"]))}
    closing.append(
        Draft(entity="verdict", item=item_id(f"verdict:{item}"), act="give", actor=person,
              body=said, key=f"demo:{item}:verdict"[-300:])
    )  # fmt: skip
    yield at, [*closing, *act(at, "finish", {}, "task")[1]]


def _alarm_story(
    finding: pd.DataFrame, since: pd.Timestamp, rng: np.random.Generator
) -> Iterator[tuple[pd.Timestamp, list[Draft]]]:
    """Yield when an alarm is raised, looked at and cleared."""
    raised, until = finding["since"].iloc[0], finding["until"].iloc[0]
    none = pd.DataFrame({"state": [], "body": []})
    (draft,) = alarm_drafts(
        finding.assign(until=pd.NaT), none, at=raised, since=since, now=raised.to_datetime64(),
        realarm_min={},
    )  # fmt: skip
    yield raised, [draft]
    looked = raised + np.timedelta64(round(float(rng.uniform(20, 400))), "s")
    if pd.isna(until) or looked < until:
        seen = Draft(entity="alarm", item=draft.item, act="acknowledge",
                     actor=str(rng.choice(_PEOPLE)),
                     key=f"demo:{draft.item}:seen"[-300:])  # fmt: skip
        yield looked, [seen]
    if pd.notna(until):
        yield until, [cleared(draft.item, until)]


def write_month(city: City, examination: Examination, truth: pd.DataFrame, *, seed: int) -> Path:
    """Put a copy of a simulated ledger into a saved city, the same for the same city and seed."""
    assert city.path is not None
    copy = city.path / COPY
    place = city.path / "ledger.partial"
    for old in city.path.glob("ledger.partial*"):
        old.unlink()
    with Ledger.open(place, create=True) as ledger:
        month(ledger, city, examination, truth, seed=seed, duty=load_duty())
        copy.unlink(missing_ok=True)
        backup(ledger, copy)
    for rest in city.path.glob("ledger.partial*"):
        rest.unlink()
    return copy
