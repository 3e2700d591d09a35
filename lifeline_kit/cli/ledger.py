"""`lifeline ledger`: the book of warnings, from the command line."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from lifeline_kit.cli.console import MISSED, OK, err, out
from lifeline_kit.cli.moments import now
from lifeline_kit.errors import InputError

if TYPE_CHECKING:
    from lifeline_kit.io.ledger import Ledger, Verified


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command and its parts."""
    ledger = commands.add_parser("ledger", help="the book of warnings: list, act, verify, copy")
    parts = ledger.add_subparsers(required=True, metavar="PART")
    for name, function, words in (
        ("init", _init, "make an empty ledger"),
        ("list", _list, "open warnings, the gravest first"),
        ("show", _show, "every act on one warning"),
        ("act", _act, "do something to a warning: receive, dispose, control, submit, close …"),
        ("recheck", _recheck, "let the data decide whether a warning may be released"),
        ("verify", _verify, "check the chain of hashes, and the items against their events"),
        ("rebuild", _rebuild, "make the items anew from the events"),
        ("backup", _backup, "write a copy, while the ledger is in use"),
        ("restore", _restore, "make a new ledger from a copy"),
        ("notices", _notices, "the outbox"),
    ):
        part = parts.add_parser(name, help=words)
        where(part)
        part.set_defaults(command=function)
    parts.choices["list"].add_argument("--all", action="store_true", help="closed ones too")
    for name in ("list", "show", "act"):
        parts.choices[name].add_argument(
            "--entity", default="warning", help="alarm, finding, hazard, incident, task, verdict"
        )
    for name in ("show", "act", "recheck"):
        parts.choices[name].add_argument("item", help="id of the warning")
    act = parts.choices["act"]
    act.add_argument("act", help="see lifeline ledger show ITEM for what is allowed")
    act.add_argument("--say", nargs="*", default=[], metavar="NAME=VALUE", help="unit=… verdict=…")
    act.add_argument("--version", type=int, help="version of the warning that was looked at")
    for name in ("act", "recheck"):
        parts.choices[name].add_argument("--by", required=True, metavar="NAME", help="who does it")
    parts.choices["recheck"].add_argument("--duty", type=Path, metavar="FILE.toml")
    parts.choices["verify"].add_argument("--head", help="hash that was written down elsewhere")
    for name in ("backup", "restore"):
        parts.choices[name].add_argument("file", type=Path, help="the copy (.jsonl.gz)")


def where(part: argparse.ArgumentParser) -> None:
    """Add the options that say which ledger."""
    part.add_argument("--city", type=Path, metavar="DIR", help="city folder; its ledger.sqlite")
    part.add_argument("--ledger", metavar="ADDRESS", help="a file, or postgresql+pg8000://…")


def address(options: argparse.Namespace) -> str | Path:
    """Return the ledger that the options name.

    Raises
    ------
    InputError
    """
    if options.ledger:
        return options.ledger
    if options.city is None:
        raise InputError("expected --city DIR or --ledger ADDRESS.")
    from lifeline_kit.model.city import City
    from lifeline_kit.services.desk import ledger_place

    return ledger_place(City.open(options.city, readings=False))


def _opened(options: argparse.Namespace, *, create: bool = False) -> "Ledger":
    from lifeline_kit.io.ledger import Ledger

    return Ledger.open(address(options), create=create)


def _init(options: argparse.Namespace) -> int:
    with _opened(options, create=True) as ledger:
        _say(ledger.verify())
    return OK


def _say(found: "Verified") -> None:
    out.print(f"{found.events:,} events, last {found.head}", soft_wrap=True, highlight=False)


def _list(options: argparse.Namespace) -> int:
    with _opened(options) as ledger:
        items = ledger.items(options.entity, open_only=not options.all)
    table = Table("", "item", "state", "unit", "what", "opened (UTC)", title=options.entity)
    from lifeline_kit.methods.rules import LEVEL_NAMES
    from lifeline_kit.model.ledger import STATES

    for item, row in items.iterrows():
        title = str(row["body"].get("title_zh", ""))[:40]
        state, level = STATES[row["state"]], LEVEL_NAMES.get(row["level"], "")
        table.add_row(
            level, str(item), f"{state.zh} {state.en}", row["unit"], title,
            f"{row['opened']:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    out.print(table)
    return OK


def _show(options: argparse.Namespace) -> int:
    from lifeline_kit.model.ledger import MACHINES, STATES

    with _opened(options) as ledger:
        held = ledger.item(options.entity, options.item)
        events = ledger.events(options.entity, options.item)
    if held is None:
        raise InputError(
            f"there is no {options.entity} {options.item!r}; see lifeline ledger list --all."
        )
    table = Table("", "act", "at (UTC)", "by", "said", title=options.item)
    for event in events:
        said = json.dumps(dict(event.body), ensure_ascii=False)
        table.add_row(str(event.version), event.act, str(event.at)[:19], event.actor, said[:200])
    out.print(table)
    allowed = [name for name, act in MACHINES[options.entity].items() if held.state in act.moves]
    state = STATES[held.state]
    out.print(f"{state.zh} {state.en}; allowed now: {', '.join(allowed)}", highlight=False)
    return OK


def _act(options: argparse.Namespace) -> int:
    from lifeline_kit.services.desk import done

    body: dict[str, object] = {}
    for each in options.say:
        name, mark, value = each.partition("=")
        if not mark:
            raise InputError(f"--say {each!r}: expected NAME=VALUE, such as verdict=leak.")
        body[name] = int(value) if name == "level" and value.isdigit() else value
    with _opened(options) as ledger:
        event = done(
            ledger, options.item, options.act, actor=options.by, now=now(), body=body,
            version=options.version, entity=options.entity,
        )  # fmt: skip
    out.print(f"{options.item}: {event.act}, act {event.version}", highlight=False)
    return OK


def _recheck(options: argparse.Namespace) -> int:
    from lifeline_kit.early_warning.duty import load_duty
    from lifeline_kit.io.examinations import open_examination
    from lifeline_kit.model.city import City
    from lifeline_kit.services.desk import rechecked

    if options.city is None:
        raise InputError("recheck needs --city DIR: its readings decide.")
    examination = open_examination(City.open(options.city, readings=False))
    with _opened(options) as ledger:
        event = rechecked(
            ledger, options.item, examination, load_duty(options.duty), actor=options.by, now=now()
        )
    out.print(f"{options.item}: {event.body['basis']}", highlight=False)
    return OK


def _verify(options: argparse.Namespace) -> int:
    with _opened(options) as ledger:
        found = ledger.verify(head=options.head)
    for problem in found.problems[:20]:
        err.print(f"[bold red]![/] {problem}", highlight=False, soft_wrap=True)
    _say(found)
    return MISSED if found.problems else OK


def _rebuild(options: argparse.Namespace) -> int:
    with _opened(options) as ledger:
        out.print(f"{ledger.rebuild():,} items")
    return OK


def _backup(options: argparse.Namespace) -> int:
    from lifeline_kit.io.ledger import backup

    with _opened(options) as ledger:
        _say(backup(ledger, options.file))
    return OK


def _restore(options: argparse.Namespace) -> int:
    from lifeline_kit.io.ledger import restore

    _say(restore(options.file, address(options)))
    return OK


def _notices(options: argparse.Namespace) -> int:
    from lifeline_kit.io.ledger.outbox import notices

    with _opened(options) as ledger:
        rows = notices(ledger)
    table = Table("state", "to", "made (UTC)", "subject", "tries", "last failure", title="outbox")
    for _, row in rows.iterrows():
        table.add_row(
            row["state"], row["contact"], f"{row['made']:%m-%d %H:%M}", row["subject"][:60],
            str(row["tries"]), row["said"][:60],
        )  # fmt: skip
    out.print(table)
    return OK
