"""The ledger: an append-only, hash-chained book of alarms, warnings, hazards and verdicts."""

from lifeline_kit.io.ledger.book import Draft, Ledger
from lifeline_kit.io.ledger.chain import Verified
from lifeline_kit.io.ledger.copies import COPY, FILE, backup, restore
from lifeline_kit.io.ledger.snapshot import Head, Snapshot, read_snapshot

__all__ = [
    "COPY",
    "FILE",
    "Draft",
    "Head",
    "Ledger",
    "Snapshot",
    "Verified",
    "backup",
    "read_snapshot",
    "restore",
]
