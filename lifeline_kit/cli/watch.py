"""`lifeline watch`: timers, new warnings and the outbox, until it is stopped. Two may run."""

import argparse
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lifeline_kit.cli.console import OK, err, out
from lifeline_kit.cli.ledger import address, where
from lifeline_kit.cli.moments import now
from lifeline_kit.errors import InputError, LifelineError

if TYPE_CHECKING:
    from lifeline_kit.model.examination import Examination
    from lifeline_kit.services.watch import Round


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    watch = commands.add_parser("watch", help="issue warnings, remind, send notices")
    where(watch)
    watch.add_argument("--duty", type=Path, metavar="FILE.toml", help="who is told, and when")
    watch.add_argument("--outbox", type=Path, metavar="DIR", help="where notices to files go")
    watch.add_argument("--every", type=float, default=15.0, metavar="S", help="seconds (15)")
    watch.add_argument("--once", action="store_true", help="one round")
    watch.set_defaults(command=_watch)


def _watch(options: argparse.Namespace) -> int:
    from lifeline_kit.early_warning.duty import load_duty
    from lifeline_kit.io.ledger import Ledger
    from lifeline_kit.services.watch import watch, watch_round

    if not options.every > 0:
        raise InputError(f"--every {options.every}: expected seconds above 0.")
    duty, place = load_duty(options.duty), address(options)
    folder = options.outbox or Path(options.city or ".") / "outbox"
    examined = _Examined(options.city)
    stop = threading.Event()
    with Ledger.open(place, create=options.ledger is None) as ledger:

        def one() -> "Round":
            told = watch_round(
                ledger,
                duty,
                now=now(),
                folder=folder,
                examination=examined.latest(),
                realarm_min=examined.realarm_min,
            )
            if told.unshelved:
                examined.stamp = ""  # what came off a shelf may be a warning: look again
            return told

        if options.once:
            _told(one())
            return OK
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        out.print(f"watching {place}; Ctrl-C stops", soft_wrap=True, highlight=False)
        watch(one, every_s=options.every, stop=stop, told=_told)
    return OK


class _Examined:
    """The stored examination of a city, read again only where it is another one."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.stamp = folder, ""
        self.realarm_min: dict[str, float] = {}

    def latest(self) -> "Examination | None":
        """Return the examination where it is new since the last call, else None."""
        from lifeline_kit.early_warning.own_rules import with_rules
        from lifeline_kit.io.examinations import examination_stamp, open_examination
        from lifeline_kit.lifelines import ALL
        from lifeline_kit.model.city import City
        from lifeline_kit.pipeline import own_rules

        if self.folder is None:
            return None
        city = City.open(self.folder, readings=False)
        stamp = examination_stamp(city) or _examined(self.folder)
        if stamp == self.stamp:
            return None
        found = open_examination(city)
        rules = with_rules(ALL, own_rules(city))
        self.realarm_min = {
            rule.key: rule.realarm_min
            for each in rules
            for rule in sorted(each.rules, key=lambda rule: not rule.only)  # for all goes last
            if rule.realarm_min > 0
        }
        self.stamp = stamp if found is not None else ""
        return found


def _examined(folder: Path) -> str:
    """Examine a city that nobody examined yet, and store it."""
    from lifeline_kit.io.examinations import save_examination
    from lifeline_kit.io.live import recent_city
    from lifeline_kit.pipeline import examine

    err.print("[dim]no stored examination: examining the city once[/]")
    city = recent_city(folder)
    examination = examine(city)
    save_examination(city, examination)
    return examination.version


def _told(what: "Round | LifelineError") -> None:
    if isinstance(what, LifelineError):
        err.print(f"[bold red]lifeline:[/] {str(what).replace('[', chr(92) + '[')}", soft_wrap=True)
    elif what.acts or what.reminders or what.sent or what.failed:
        out.print(
            f"{what.acts} acts, {what.reminders} reminders, {what.sent} notices sent, "
            f"{what.failed} failed",
            highlight=False,
        )
