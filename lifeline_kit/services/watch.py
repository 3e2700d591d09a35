"""The watch: examinations into the ledger, timers, outbox. Two may run; one may die at any moment.

A round reads everything from the ledger anew, so that nothing is lost with a process. Reminders and
their notices are written in one transaction under keys that do not change; whoever comes second
finds them written.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.early_warning.issue import SYSTEM, drafts_of
from lifeline_kit.early_warning.timers import Due, due
from lifeline_kit.errors import LifelineError, ServiceError
from lifeline_kit.io.ledger import Draft, Ledger
from lifeline_kit.io.ledger.outbox import claimed, settled
from lifeline_kit.io.ledger.rows import milliseconds
from lifeline_kit.methods.rules import LEVEL_NAMES
from lifeline_kit.model.examination import Examination
from lifeline_kit.services.senders import send

Clock = Callable[[], np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did: acts written, reminders, notices sent and failed."""

    acts: int
    reminders: int
    sent: int
    failed: int


def watch_round(
    ledger: Ledger,
    duty: Duty,
    *,
    now: np.datetime64,
    folder: Path,
    examination: Examination | None = None,
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
        The latest; without one no warning is issued.

    Raises
    ------
    LedgerError
        Where the ledger cannot be read or written.
    """
    acts = 0
    if examination is not None:
        acts = synchronised(ledger, examination, duty, now=now)
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
    return Round(acts=acts, reminders=reminded, sent=sent, failed=failed)


def synchronised(
    ledger: Ledger, examination: Examination, duty: Duty, *, now: np.datetime64
) -> int:
    """Write into the ledger what an examination says of its warnings; returns how many acts."""
    items = ledger.items(open_only=False, limit=None)
    drafts = drafts_of(examination.warnings, examination.findings, items, duty, at=examination.at)
    known = ledger.known([draft.key for draft in drafts if draft.key])
    drafts = [draft for draft in drafts if draft.key not in known]
    issued = [draft for draft in drafts if draft.act == "issue"]
    first = [_first_notice(draft, duty, now) for draft in issued]
    return len(ledger.append(drafts, now=now, notices=first)) if drafts else 0


def _first_notice(draft: Draft, duty: Duty, now: np.datetime64) -> dict:
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
