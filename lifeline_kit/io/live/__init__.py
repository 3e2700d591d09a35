"""The live store: readings that go on coming in, and their sealed months."""

from lifeline_kit.io.live.city import (
    is_live,
    live_version,
    open_live_city,
    recent_city,
    recorded_and_live,
    spliced,
)
from lifeline_kit.io.live.incoming import Tally
from lifeline_kit.io.live.store import LiveStore

__all__ = [
    "LiveStore",
    "Tally",
    "is_live",
    "live_version",
    "open_live_city",
    "recent_city",
    "recorded_and_live",
    "spliced",
]
