"""`lifeline replay`: a city plays itself through a broker."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lifeline_kit.cli.collect import (
    add_broker,
    link_of,
    say,
    status_line,
    stopped_by_signals,
    summary,
    words,
)
from lifeline_kit.cli.console import OK, out
from lifeline_kit.cli.moments import moment
from lifeline_kit.errors import InputError, ServiceError
from lifeline_kit.model.city import City

if TYPE_CHECKING:
    from lifeline_kit.services.collect import Stats


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    replay = commands.add_parser(
        "replay",
        help="play a city through a broker, at any speed",
        description="Play the readings of a city through an MQTT broker, on the city's own time. "
        "Without --broker an embedded one is started on 127.0.0.1, and what is played is "
        "collected into --into.",
        epilog="example: lifeline replay --city data/demo/wuhan --speed 7200 --into live",
    )
    replay.add_argument("--city", type=Path, required=True, help="city folder with readings")
    replay.add_argument(
        "--speed", default="60", help="seconds of the city per second, or max (default 60)"
    )
    replay.add_argument("--start", metavar="TIME", help="UTC or with zone, 2026-10-01T00:00")
    replay.add_argument("--end", metavar="TIME", help="the first time that is not played")
    replay.add_argument(
        "--into",
        type=Path,
        metavar="DIR",
        help="city folder to collect into (default without --broker: NAME-live, here)",
    )
    replay.add_argument(
        "--terminals", type=int, default=1, help="simulated gas terminals (default 1)"
    )
    replay.add_argument("--seed", type=int, default=1, help="of the simulated terminals")
    add_broker(replay)
    replay.set_defaults(command=_replay)


def _replay(options: argparse.Namespace) -> int:
    from lifeline_kit.services.replay import Play, replay

    play = Play(
        speed=_speed(options.speed),
        start=moment(options.start, "--start"),
        end=moment(options.end, "--end"),
        terminals=options.terminals,
        seed=options.seed,
    )
    into = options.into
    if into is None and options.broker is None:
        into = Path(f"{options.city.resolve().name}-live")
    link = link_of(options) if options.broker else None
    city = City.open(options.city)
    with stopped_by_signals() as stop, status_line() as show:

        def report(at: np.datetime64, readings: int, stats: "Stats | None") -> None:
            clock = city.local(at).strftime("%Y-%m-%d %H:%M")
            behind = f"; {words(stats)}" if stats is not None else ""
            show(f"{clock} sent {readings}{behind}")

        played = replay(city, play, link=link, into=into, say=say, report=report, stop=stop)
    out.print(
        f"sent {played.readings} readings in {played.messages} messages, {played.seconds:.1f} s",
        highlight=False,
    )
    if played.collected is not None:
        text = f"stored: {summary(played.collected)}"
        out.print(text, highlight=False, soft_wrap=True, markup=False)
        missing = played.messages - played.collected.messages
        if missing > 0 and not stop.is_set():
            raise ServiceError(
                f"{missing} of {played.messages} messages did not reach the collector; play it "
                "again: what is stored already is not stored twice."
            )
    return OK


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--speed {text!r}: expected a number above 0, or max.") from None
