"""`lifeline collect`: readings of terminals, from MQTT into a city's live store."""

import argparse
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from lifeline_kit.cli.console import OK, err, out
from lifeline_kit.errors import InputError

if TYPE_CHECKING:
    from lifeline_kit.services.collect import Collector, Stats
    from lifeline_kit.services.link import Link

_LINE_EVERY_S = 30.0


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    collect = commands.add_parser(
        "collect",
        help="take readings of terminals from an MQTT broker",
        description="Take readings of terminals from an MQTT 5 broker into a city's live store. "
        "A message is acknowledged when it is on the disk. Stop it with Ctrl-C.",
        epilog="example: LIFELINE_MQTT_PASSWORD=… lifeline collect --city DIR "
        "--broker mqtts://broker:8883 --username gas --ca ca.pem",
    )
    collect.add_argument("--city", type=Path, required=True, help="city folder; live/ is made")
    add_broker(collect)
    collect.add_argument("--embedded", action="store_true", help="run a broker on 127.0.0.1")
    collect.add_argument(
        "--port", type=int, default=1883, help="of the embedded broker (default 1883)"
    )
    collect.add_argument(
        "--topic", default="lifeline/readings/#", help="default lifeline/readings/#"
    )
    collect.add_argument(
        "--clock-topic", default="", metavar="TOPIC", help="follow a replay's time, lifeline/clock"
    )
    collect.add_argument(
        "--batch-s", type=float, default=0.5, metavar="SECONDS",
        help="longest time until a reading is on the disk (default 0.5)",
    )  # fmt: skip
    collect.add_argument(
        "--keep-min", type=float, default=5.0, metavar="MINUTES",
        help="flag what is new and seal what is due so often; 0: leave it to 'lifeline store keep' "
        "(default 5)",
    )  # fmt: skip
    collect.add_argument("--once", action="store_true", help="take what is there, then leave")
    collect.add_argument(
        "--for", dest="seconds", type=float, metavar="SECONDS", help="leave after so long"
    )
    collect.set_defaults(command=_collect)


def add_broker(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to enter a broker."""
    parser.add_argument("--broker", metavar="mqtt[s]://HOST:PORT", help="the broker")
    parser.add_argument("--username", default="", help="name at the broker")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="holds the password; or set $LIFELINE_MQTT_PASSWORD",
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="authority of the broker, PEM")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="certificate of this client, PEM")
    parser.add_argument("--key", type=Path, metavar="FILE", help="its key, PEM")


def link_of(options: argparse.Namespace) -> "Link":
    """The link that the options name."""
    from lifeline_kit.services.link import link_to, read_password

    return link_to(
        options.broker,
        username=options.username,
        password=read_password(options.password_file),
        ca=options.ca,
        cert=options.cert,
        key=options.key,
    )


def _collect(options: argparse.Namespace) -> int:
    from lifeline_kit.services.broker import EmbeddedBroker
    from lifeline_kit.services.collect import Habit, collector_for, on_loopback
    from lifeline_kit.services.link import link_to

    if bool(options.broker) == options.embedded:
        raise InputError("expected either --broker mqtt://HOST:PORT or --embedded.")
    habit = Habit(topic=options.topic, clock_topic=options.clock_topic, batch_s=options.batch_s)
    with EmbeddedBroker(options.port) if options.embedded else nullcontext() as broker:
        link = link_of(options) if broker is None else on_loopback(link_to(broker.address))
        if broker is not None:
            say(f"embedded broker on {broker.address} (MQTT 3.1.1, nothing kept on disk).")
        with (
            collector_for(options.city, link, habit=habit, say=say) as collector,
            _kept(collector, options.city, 60.0 * options.keep_min),
            stopped_by_signals() as stop,
            status_line() as show,
        ):
            stats = collector.run(
                stop,
                once=options.once,
                seconds=options.seconds,
                report=lambda stats: show(words(stats)),
            )
    out.print(summary(stats), highlight=False, soft_wrap=True, markup=False)
    return OK


def _kept(collector: "Collector", folder: Path, every_s: float) -> AbstractContextManager[None]:
    """Keep the store while it is collected into: nobody else may write to it."""
    if every_s <= 0:
        return nullcontext()
    from lifeline_kit.model.city import City
    from lifeline_kit.services.keep import keeping

    city = City.open(folder, readings=False)
    return keeping(collector.store, city, now=collector.now, every_s=every_s, say=say)


def say(text: str) -> None:
    """Tell the operator a sentence."""
    err.print(text, style="dim", highlight=False, soft_wrap=True, markup=False)


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """An event that SIGTERM and SIGINT set, so that the batch under way is finished."""
    stop = threading.Event()
    kept = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def status_line() -> Generator[Callable[[str], None]]:
    """A line that is kept up to date on a terminal, and said now and then elsewhere."""
    if err.is_terminal:
        with err.status("…") as status:
            yield status.update
        return
    last = time.monotonic()

    def now_and_then(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY_S:
            last = time.monotonic()
            say(text)

    yield now_and_then


def words(stats: "Stats") -> str:
    """What is collected, in one line."""
    tally = stats.tally
    age = "-" if stats.last is None else f"{time.monotonic() - stats.last:.0f} s ago"
    unfit = stats.rejected + tally.future + tally.unknown + tally.invalid
    tampered = f", opened {len(stats.tampered)}" if stats.tampered else ""
    away = "" if stats.connected else " (broker away)"
    return (
        f"{stats.rate():.0f} msg/s, accepted {tally.accepted}, duplicate {tally.duplicate}, "
        f"revised {tally.revised}, late {tally.late}, rejected {unfit}, "
        f"queue {stats.queued}, last {age}{tampered}{away}"
    )


def summary(stats: "Stats") -> str:
    """What was collected in all."""
    tally = stats.tally
    opened = ", ".join(sorted(stats.tampered)[:5])
    return (
        f"{stats.messages} messages, {stats.readings} readings: accepted {tally.accepted}, "
        f"duplicate {tally.duplicate}, revised {tally.revised}, late {tally.late}; quarantine: "
        f"clock {tally.future}, unknown sensor {tally.unknown}, invalid {tally.invalid}, "
        f"unreadable {stats.rejected}" + (f"; opened: {opened}" if opened else "")
    )
