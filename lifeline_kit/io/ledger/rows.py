"""Events and items as rows of the database, and back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import schema
from lifeline_kit.io.ledger.chain import plain
from lifeline_kit.model.ledger import LONGEST, Event, Item

_MS = "datetime64[ms]"


def milliseconds(moment: np.datetime64) -> int:
    """Write a moment as the database keeps it: since 1970, UTC."""
    return int(moment.astype(_MS).astype(np.int64))


def row_of(event: Event, seq: int, key: str, told: int) -> dict:
    """Write an event as a row, without its hash."""
    return {
        "seq": seq,
        "key": key,
        "entity": event.entity,
        "item": event.item,
        "version": event.version,
        "act": event.act,
        "at": int(event.at.astype(np.int64)),
        "told": told,
        "actor": event.actor,
        "body": plain(event.body, of=f"{event.entity} {event.item}"),
    }


def event_of(row: Mapping[Any, Any]) -> Event:
    """Read an event.

    Raises
    ------
    LedgerError
        Where its body is no longer what was written.
    """
    try:
        body = json.loads(row["body"])
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise LedgerError(
            f"{row['entity']} {row['item']}: act {row['version']} cannot be read any more; it was "
            "changed by hand. See lifeline ledger verify, and restore a copy."
        )
    return Event(
        entity=row["entity"],
        item=row["item"],
        version=row["version"],
        act=row["act"],
        at=np.datetime64(row["at"], "ms"),
        actor=row["actor"],
        body=body,
    )


def moment_of(value: int | None) -> np.datetime64:
    """Read a moment; NaT for none."""
    return np.datetime64("NaT", "ms") if value is None else np.datetime64(value, "ms")


def item_of(row: Mapping[Any, Any]) -> Item:
    """Read an item."""
    return Item(
        entity=row["entity"],
        item=row["item"],
        state=row["state"],
        version=row["version"],
        opened=moment_of(row["opened"]),
        updated=moment_of(row["updated"]),
        since=moment_of(row["since"]),
        closed=moment_of(row["closed"]),
        level=row["level"],
        body=json.loads(row["body"]),
        times={act: moment_of(at) for act, at in json.loads(row["times"]).items()},
    )


def projected(each: Item) -> dict:
    """Write an item as a row."""
    body = each.body
    number = {name: int(value.astype(np.int64)) for name, value in each.times.items()}
    return {
        "entity": each.entity,
        "item": each.item,
        "state": each.state,
        "version": each.version,
        "level": each.level,
        "lifeline": str(body.get("lifeline", ""))[:40],
        "unit": str(body.get("unit", ""))[:LONGEST],
        "supervised": "supervise" in each.times,
        "opened": int(each.opened.astype(np.int64)),
        "since": int(each.since.astype(np.int64)),
        "updated": int(each.updated.astype(np.int64)),
        "closed": None if np.isnat(each.closed) else int(each.closed.astype(np.int64)),
        "times": json.dumps(number, sort_keys=True),
        "body": plain(body, of=f"{each.entity} {each.item}"),
    }


def frame_of(rows: Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
    """Rows of items as a table, index `item`."""
    names = [column.name for column in schema.item.columns if column.name != "entity"]
    frame = pd.DataFrame([{name: row[name] for name in names} for row in rows], columns=names)
    for name in ("opened", "since", "updated", "closed"):
        frame[name] = pd.to_datetime(frame[name], unit="ms").astype(_MS)
    for name in ("times", "body"):
        frame[name] = [json.loads(text) for text in frame[name]]
    frame["supervised"] = frame["supervised"].astype(bool)
    return frame.set_index("item")
