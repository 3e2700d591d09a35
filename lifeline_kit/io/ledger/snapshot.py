"""What the ledger said at one of its events: a report rests on it, and can be made again from it.

Nothing in the book is ever changed, so the events up to a head say the same for ever; what was
added since does not count. Items are folded from the events, never taken from the stored ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger.book import Ledger
from lifeline_kit.io.ledger.chain import GENESIS, broken
from lifeline_kit.io.ledger.rows import event_of, frame_of, milliseconds, projected
from lifeline_kit.model.ledger import ENTITIES, Item, applied


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where in the book something was read: number and hash of an event; 0 before the first."""

    seq: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def of(cls, text: str) -> "Head":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where it is none.
        """
        seq, _, said = text.partition(":")
        if len(said) != len(GENESIS) or set(said) - set("0123456789abcdef"):
            raise ValueError(f"{text!r} is no head of a ledger")
        return cls(seq=int(seq), hash=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The ledger up to a head.

    Attributes
    ----------
    head : Head
    items : mapping of entity to DataFrame, index `item`
        As of `Ledger.items`, the earliest first; every entity has a table, perhaps an empty one.
    acts : DataFrame
        `entity`, `act`, `n`.
    problems : tuple of str
        Why the book cannot be trusted up to there; empty where its chain is whole.
    """

    head: Head
    items: Mapping[str, pd.DataFrame]
    acts: pd.DataFrame
    problems: tuple[str, ...] = field(default=())


def read_snapshot(
    ledger: Ledger, *, until: np.datetime64 | None = None, head: Head | None = None
) -> Snapshot:
    """Fold the ledger up to a moment, or up to a head that was written down.

    Parameters
    ----------
    ledger : Ledger
    until : datetime64, optional
        UTC; acts after it do not count. Moments in the book never turn back, so this is a head.
    head : Head, optional
        Instead of a moment. Where the book no longer has it, `problems` says so and the acts up to
        its number are folded all the same, so that one sees what differs.

    Returns
    -------
    Snapshot
    """
    last = None if until is None else milliseconds(until)
    rows = []
    for row in ledger.rows():
        if (last is not None and row["at"] > last) or (head is not None and row["seq"] > head.seq):
            break
        rows.append(row)
    problems, end = [], Head()
    for each in broken(rows):
        if isinstance(each, str):
            problems.append(each)
        else:
            end = Head(seq=each[0], hash=each[1])
    if head is not None:
        problems += _unlike(head, end)
    items, contradictions = _folded(rows)
    acts = Counter((row["entity"], row["act"]) for row in rows)
    return Snapshot(
        head=end,
        items=items,
        acts=pd.DataFrame(
            [(*act, n) for act, n in sorted(acts.items())], columns=["entity", "act", "n"]
        ),
        problems=(*problems, *contradictions),
    )


def _unlike(head: Head, end: Head) -> list[str]:
    if end.seq < head.seq:
        return [f"the book has {end.seq:,} events, {head.seq:,} were expected: it was cut off"]
    if end.hash != head.hash:
        return [
            f"event {head.seq:,} has the hash {end.hash[:12]}…, expected {head.hash[:12]}…: "
            "it or one before it was replaced"
        ]
    return []


def _folded(rows: Iterable[Mapping]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Fold events to items; what contradicts itself is passed over and told."""
    items: dict[tuple[str, str], Item] = {}
    problems: list[str] = []
    for row in rows:
        place = row["entity"], row["item"]
        try:
            items[place] = applied(items.get(place), event_of(row))
        except LedgerError as error:
            problems.append(str(error))
    found: dict[str, list[dict]] = {entity: [] for entity in ENTITIES}
    for (entity, _), each in items.items():
        found.setdefault(entity, []).append(projected(each))
    return {
        entity: frame_of(sorted(own, key=lambda row: (row["opened"], row["item"])))
        for entity, own in found.items()
    }, problems
