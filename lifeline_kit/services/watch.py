"""The watch: examinations into the ledger, timers, outbox. Two may run; one may die at any moment.

A round reads everything from the ledger anew, so that nothing is lost with a process. Reminders and
their notices are written in one transaction under keys that do not change; whoever comes second
finds them written.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.alarms import (
    SYSTEM,
    alarm_drafts,
    ended_shelves,
    known_alarms,
    shelved_sensors,
)
from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.issue import drafts_of, known_as
from lifeline_kit.early_warning.timers import Due, due
from lifeline_kit.errors import LifelineError, ServiceError
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.io.ledger.outbox import claimed, settled
from lifeline_kit.io.ledger.rows import milliseconds
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.examination import Examination
from lifeline_kit.services.senders import send

_ONCE: Mapping[str, float] = MappingProxyType({})
Clock = Callable[[], np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did: acts written, reminders, notices sent and failed, shelves ended.

    After a shelf has ended the examination is to be given again: what stands may be a warning.
    """

    acts: int
    reminders: int
    sent: int
    failed: int
    unshelved: int


def watch_round(
    ledger: Ledger,
    duty: Duty,
    *,
    now: np.datetime64,
    folder: Path,
    examination: Examination | None = None,
    realarm_min: Mapping[str, float] = _ONCE,
) -> Round:
    """Do one round.

    Parameters
    ----------
    ledger : Ledger
    duty : Duty
    now : datetime64
        UTC.
    folder : Path
        Where notices to files go.
    examination : Examination, optional
        The latest; without one no alarm is raised and no warning issued.
    realarm_min : mapping of rule to float [min]
        After which an alarm that stands is announced again.

    Raises
    ------
    LedgerError
        Where the ledger cannot be read or written.
    """
    ended = ended_shelves(ledger.items("alarm", limit=None), now=now)
    acts = len(ledger.append(ended, now=now)) if ended else 0
    if examination is not None:
        acts += synchronised(ledger, examination, duty, now=now, realarm_min=realarm_min)
    steps = due(ledger.items(limit=None), duty, now=now)
    told = ledger.known([step.key for step in steps])
    steps = [step for step in steps if step.key not in told]
    reminded = sum(_reminded(ledger, step, now) for step in steps)
    sent = failed = 0
    for notice in claimed(ledger, now=now):
        contact = duty.contacts.get(notice["contact"])
        said = ""
        try:
            if contact is None:
                raise ServiceError(f"contact {notice['contact']!r} is no longer in the rules")
            send(notice, contact.to, folder=folder)
        except ServiceError as error:
            said = str(error)
        settled(ledger, notice, now=now, said=said)
        sent, failed = sent + (not said), failed + bool(said)
    return Round(acts=acts, reminders=reminded, sent=sent, failed=failed, unshelved=len(ended))


def synchronised(
    ledger: Ledger,
    examination: Examination,
    duty: Duty,
    *,
    now: np.datetime64,
    realarm_min: Mapping[str, float] = _ONCE,
) -> int:
    """Write into the ledger an examination's alarms and warnings; returns how many acts."""
    findings, at = examination.findings, examination.at
    alarms = ledger.items("alarm", limit=None)
    booked = ledger.rows_of("alarm", known_alarms(findings))
    alarms = pd.concat([alarms, booked[~booked.index.isin(alarms.index)]])
    drafts = alarm_drafts(
        findings, alarms, at=at, since=examination.since, now=now, realarm_min=realarm_min
    )
    items = ledger.rows_of("warning", known_as(examination.warnings, findings).tolist())
    drafts += drafts_of(
        examination.warnings, findings, items, duty, at=at, shelved=shelved_sensors(alarms)
    )
    known = ledger.known([draft.key for draft in drafts if draft.key])
    drafts = [draft for draft in drafts if draft.key not in known]
    issued = [draft for draft in drafts if draft.act == "issue"]
    first = [first_notice(draft, duty, now) for draft in issued]
    return len(ledger.append(drafts, now=now, notices=first)) if drafts else 0


def first_notice(draft: Draft, duty: Duty, now: np.datetime64) -> dict:
    """Write the notice that a warning was issued, for the outbox."""
    contact, body = duty.first(str(draft.body["lifeline"])), draft.body
    level = LEVEL_NAMES[int(body["level"])]
    return {
        "notice": f"issue:{draft.item}:{contact}"[:300],
        "item": draft.item,
        "contact": contact,
        "made": milliseconds(now),
        "subject": f"{level} 级预警 {body['title_zh']} / warning {level}: {body['title_en']}",
        "text": (
            f"{body['unit']}：{body['title_zh']}（{body['asset']}）\n{body['evidence_zh']}\n"
            f"{body['unit_en']}: {body['title_en']} ({body['asset']})\n{body['evidence_en']}"
        ),
    }


def _reminded(ledger: Ledger, step: Due, now: np.datetime64) -> bool:
    """Write a reminder and its notice, unless somebody has; a warning may have ended meanwhile."""
    held = ledger.item("warning", step.item)
    if held is None or not np.isnat(held.closed):
        return False
    title_zh, title_en = held.body.get("title_zh", ""), held.body.get("title_en", "")
    notice = {
        "notice": f"{step.key}:{step.contact.key}"[:300],
        "item": step.item,
        "contact": step.contact.key,
        "made": milliseconds(now),
        "subject": f"催办：{title_zh} / reminder: {title_en}",
        "text": f"{step.why.zh}：{title_zh}\n{step.why.en}: {title_en}\n{step.item}",
    }
    draft = Draft(
        entity="warning",
        item=step.item,
        act="remind",
        actor=SYSTEM,
        body={"step": step.step, "told": step.contact.key},
        key=step.key[:300],
    )
    before = held.version
    (event,) = ledger.append([draft], now=now, notices=[notice])
    return event.version > before


def watch(
    one_round: Callable[[], Round],
    *,
    every_s: float,
    stop: threading.Event,
    told: Callable[[Round | LifelineError], None],
) -> None:
    """Repeat rounds until told to stop; a round that fails is told and the next one tries anew."""
    while not stop.is_set():
        try:
            told(one_round())
        except LifelineError as error:
            told(error)
        stop.wait(every_s)
