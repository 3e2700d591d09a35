"""The live store: readings that go on coming in, and their sealed months."""

from lifeline_kit.io.live.city import open_live_city
from lifeline_kit.io.live.incoming import Tally
from lifeline_kit.io.live.store import LiveStore

__all__ = ["LiveStore", "Tally", "open_live_city"]
