"""The ledger: an append-only, hash-chained book of alarms, warnings, hazards and verdicts."""

from lifeline_kit.io.ledger.book import Draft, Ledger
from lifeline_kit.io.ledger.chain import Verified
from lifeline_kit.io.ledger.copies import COPY, FILE, backup, restore

__all__ = ["COPY", "FILE", "Draft", "Ledger", "Verified", "backup", "restore"]
