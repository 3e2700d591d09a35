"""Read and add to the ledger. Who changes an item says which version of it was seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import numpy as np
import pandas as pd
import sqlalchemy as sa

from lifeline_kit.errors import LedgerError
from lifeline_kit.io.ledger import schema
from lifeline_kit.io.ledger.chain import GENESIS, Verified, broken, link
from lifeline_kit.io.ledger.rows import (
    event_of,
    frame_of,
    item_of,
    milliseconds,
    projected,
    row_of,
)
from lifeline_kit.model.ledger import LONGEST, QUIET, Event, Item, applied

_AT_ONCE = 5000
_MS = "datetime64[ms]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An act that is to be done.

    Attributes
    ----------
    entity, item, act, actor : str
    body : mapping
        Plain values.
    version : int, optional
        Version of the item that the actor saw; where it has moved on, nothing is written. By
        default whatever it is now.
    key : str, optional
        The same key is written once, however often it is tried.
    """

    entity: str
    item: str
    act: str
    actor: str
    body: Mapping = field(default_factory=dict)
    version: int | None = None
    key: str | None = None


class Ledger:
    """An open ledger; use it with `with`, or `close` it."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, address: str | Path, *, create: bool = False) -> "Ledger":
        """Open a ledger.

        Parameters
        ----------
        address : path or str
            A SQLite file, or ``postgresql+pg8000://user@host/base``.
        create : bool
            Make one where there is none.

        Raises
        ------
        LedgerError
            Where there is none, it is damaged, or of a newer version; an older one is brought up
            to date.
        """
        engine = schema.engine_of(address, create=create)
        try:
            with schema.writing(engine) as connection:
                _brought_up(connection, create=create)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def append(
        self, drafts: Sequence[Draft], *, now: np.datetime64, notices: Sequence[Mapping] = ()
    ) -> list[Event]:
        """Do acts, all or none, and put notices into the outbox with them.

        Parameters
        ----------
        drafts : sequence of Draft
        now : datetime64
            UTC, the clock of the writer. A clock that was set back never turns the book back: the
            event then stands at the moment of the one before it, its own clock beside it.
        notices : sequence of mapping
            Rows of `notice` without state; those whose id is there already are passed over.

        Returns
        -------
        list of Event
            Also those whose key was written before.

        Raises
        ------
        LedgerError, ConflictError
            Where an act is not allowed, or the item has moved on; nothing is written then.
        """
        told = milliseconds(now)
        with schema.writing(self.engine) as connection:
            return _written(connection, list(drafts), told, list(notices))

    def head(self) -> str:
        """Return the hash of the last event: it changes with every act."""
        with schema.reading(self.engine) as connection:
            return _meta(connection).get("head", GENESIS)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys were written already."""
        with schema.reading(self.engine) as connection:
            return set(_by_key(connection, list(keys)))

    def item(self, entity: str, item: str) -> Item | None:
        """Return what an item is now, or None."""
        with schema.reading(self.engine) as connection:
            return _items(connection, {(entity, item)}).get((entity, item))

    def rows_of(self, entity: str, items: Sequence[str]) -> pd.DataFrame:
        """Some items, whatever their state; a table as of `items`."""
        table, rows = schema.item, []
        with schema.reading(self.engine) as connection:
            for start in range(0, len(items), _AT_ONCE):  # a statement takes so many and no more
                part = list(items[start : start + _AT_ONCE])
                query = sa.select(table).where(table.c.entity == entity, table.c.item.in_(part))
                rows += connection.execute(query).mappings().all()
        return frame_of(rows)

    def items(
        self,
        entity: str = "warning",
        *,
        open_only: bool = True,
        since: np.datetime64 | None = None,
        until: np.datetime64 | None = None,
        limit: int | None = 200,
        offset: int = 0,
    ) -> pd.DataFrame:
        """One page of items: open ones the gravest first, else the newest first.

        Parameters
        ----------
        entity : str
        open_only : bool
        since, until : datetime64, optional
            Opened within [since, until).
        limit, offset : int
            `limit` None for all.

        Returns
        -------
        DataFrame, index `item`
            `state`, `version`, `level`, `lifeline`, `unit`, `supervised`, `opened`, `since`,
            `updated`, `closed`, `times` and `body` (dictionaries).
        """
        table = schema.item
        query = sa.select(table).where(table.c.entity == entity)
        if open_only:
            query = query.where(table.c.closed.is_(None)).order_by(
                table.c.level, table.c.opened.desc()
            )
        else:
            query = query.order_by(table.c.opened.desc())
        for moment, after in ((since, True), (until, False)):
            if moment is not None:
                value = milliseconds(moment)
                query = query.where(table.c.opened >= value if after else table.c.opened < value)
        if limit is not None:
            query = query.limit(limit).offset(offset)
        with schema.reading(self.engine) as connection:
            return frame_of(connection.execute(query).mappings().all())

    def counts(self, entity: str = "warning") -> pd.DataFrame:
        """How many open items are in each state and level: `state`, `level`, `n`."""
        table = schema.item
        query = (
            sa.select(table.c.state, table.c.level, sa.func.count().label("n"))
            .where(table.c.entity == entity, table.c.closed.is_(None))
            .group_by(table.c.state, table.c.level)
        )
        with schema.reading(self.engine) as connection:
            rows = connection.execute(query).mappings().all()
        return pd.DataFrame([dict(row) for row in rows], columns=["state", "level", "n"])

    def events(self, entity: str, item: str) -> list[Event]:
        """All acts on an item, in order."""
        table = schema.event
        query = (
            sa.select(table)
            .where(table.c.entity == entity, table.c.item == item)
            .order_by(table.c.version)
        )
        with schema.reading(self.engine) as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    def rows(self) -> Iterator[dict]:
        """Every event as it stands in the book, in order."""
        with schema.reading(self.engine) as connection:
            yield from _book(connection)

    def verify(self, *, head: str | None = None) -> Verified:
        """Check the chain, and that the items are what the events come to.

        Parameters
        ----------
        head : str, optional
            Hash of a last event that was written down elsewhere; it must be in the book.
        """
        with schema.reading(self.engine) as connection:
            problems, (last, found), seen = _walked(_book(connection), head)
            problems += _unlike(connection)
            if (said := _meta(connection).get("head", GENESIS)) != found:
                problems.append(f"the book ends at {found[:12]}…, and was at {said[:12]}…")
        if head is not None and not seen:
            problems.append(
                f"no event has the hash {head[:12]}…: something was cut off or replaced"
            )
        return Verified(events=last, head=found, problems=tuple(problems))

    def rebuild(self) -> int:
        """Make the items anew from the events; returns how many."""
        with schema.writing(self.engine) as connection:
            return rebuilt(connection)


def _walked(rows: Iterator[dict], head: str | None) -> tuple[list[str], tuple[int, str], bool]:
    problems: list[str] = []
    end, seen = (0, GENESIS), False

    def watched() -> Iterator[dict]:
        nonlocal seen
        for row in rows:
            seen = seen or row["hash"] == head
            yield row

    for each in broken(watched()):
        if isinstance(each, str):
            problems.append(each)
        else:
            end = each
    return problems, end, seen


def _brought_up(connection: sa.Connection, *, create: bool) -> None:
    there = sa.inspect(connection).has_table("meta")
    if not there and not create:
        raise LedgerError(
            "the database holds no ledger; make one with lifeline ledger init, or name another."
        )
    version = int(_meta(connection).get("schema", "0")) if there else schema.SCHEMA
    if version > schema.SCHEMA:
        raise LedgerError(
            f"the ledger is of version {version}, this lifeline_kit knows {schema.SCHEMA}; "
            "install a newer one."
        )
    if there and version == schema.SCHEMA:
        return
    if there:  # all but the book is made anew from the book
        schema.item.drop(connection, checkfirst=True)
    schema.make_tables(connection)
    if there:
        rebuilt(connection)
    set_meta(connection, schema=str(schema.SCHEMA))


def _meta(connection: sa.Connection) -> dict[str, str]:
    rows = connection.execute(sa.select(schema.meta)).all()
    return {row.name: row.value for row in rows}


def set_meta(connection: sa.Connection, **values: str) -> None:
    """Note values in the table `meta`."""
    for name, value in values.items():
        done = connection.execute(
            schema.meta.update().where(schema.meta.c.name == name).values(value=value)
        )
        if not done.rowcount:
            connection.execute(schema.meta.insert().values(name=name, value=value))


def _last(connection: sa.Connection) -> tuple[int, str, int]:
    """Number, hash and moment of the last event."""
    table = schema.event
    query = sa.select(table.c.seq, table.c.hash, table.c.at).order_by(table.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return (0, GENESIS, -(2**62)) if row is None else (row.seq, row.hash, row.at)


def _written(
    connection: sa.Connection, drafts: list[Draft], told: int, notices: list[Mapping]
) -> list[Event]:
    for draft in drafts:
        _check_names(draft)
    known = _by_key(connection, [draft.key for draft in drafts if draft.key])
    now = _items(connection, {(draft.entity, draft.item) for draft in drafts})
    seq, before, last = _last(connection)
    at, rows, done = max(told, last), [], []
    for draft in drafts:
        if draft.key and draft.key in known:
            done.append(known[draft.key])
            continue
        place = draft.entity, draft.item
        there = now.get(place)
        version = there.version if there is not None else 0
        seen = version if draft.version is None else draft.version
        if 0 < seen < version and _only_quiet(connection, place, seen, rows):
            seen = version
        event = Event(
            entity=draft.entity,
            item=draft.item,
            version=seen + 1,
            act=draft.act,
            at=np.datetime64(at, "ms"),
            actor=draft.actor,
            body=draft.body,
        )
        if draft.act == "merge":
            _check_merge(connection, draft, now)
        now[place] = applied(there, event)
        seq += 1
        row = row_of(event, seq, draft.key or uuid4().hex, told)
        row |= {"before": before, "hash": link(before, row)}
        before = row["hash"]
        rows.append(row)
        done.append(event)
        if draft.key:
            known[draft.key] = event
    if rows:
        connection.execute(schema.event.insert(), rows)
        touched = {(row["entity"], row["item"]) for row in rows}
        _stored(connection, [now[place] for place in touched])
        set_meta(connection, head=before)
    _queued(connection, notices)
    return done


def _only_quiet(
    connection: sa.Connection, place: tuple[str, str], seen: int, rows: list[dict]
) -> bool:
    """Whether nothing was decided on an item since a version of it was seen."""
    table = schema.event
    query = sa.select(table.c.act).where(
        table.c.entity == place[0], table.c.item == place[1], table.c.version > seen
    )
    acts = set(connection.execute(query).scalars())
    acts |= {row["act"] for row in rows if (row["entity"], row["item"]) == place}
    return acts <= QUIET


def _check_merge(
    connection: sa.Connection, draft: Draft, now: Mapping[tuple[str, str], Item]
) -> None:
    into = str(draft.body.get("into", ""))
    place = draft.entity, into
    there = now.get(place) or _items(connection, {place}).get(place)
    if into and (there is None or not np.isnat(there.closed)):
        raise LedgerError(
            f"{draft.entity} {draft.item} cannot be merged into {into!r}: no such open one; name "
            "one that is open."
        )


def _check_names(draft: Draft) -> None:
    for name in ("entity", "item", "act", "actor"):
        value = getattr(draft, name)
        if not value or len(value) > LONGEST or not value.isprintable():
            raise LedgerError(
                f"{name} is {value[:40]!r}; expected 1 to {LONGEST} printable characters."
            )


def _by_key(connection: sa.Connection, keys: list[str]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    table = schema.event
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        rows = connection.execute(sa.select(table).where(table.c.key.in_(part))).mappings()
        found |= {row["key"]: event_of(row) for row in rows}
    return found


def _items(connection: sa.Connection, places: set[tuple[str, str]]) -> dict[tuple[str, str], Item]:
    found: dict[tuple[str, str], Item] = {}
    table = schema.item
    for entity in {entity for entity, _ in places}:
        names = sorted(name for kind, name in places if kind == entity)
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            query = sa.select(table).where(table.c.entity == entity, table.c.item.in_(part))
            for row in connection.execute(query).mappings():
                found[entity, row["item"]] = item_of(row)
    return found


def _stored(connection: sa.Connection, items: list[Item]) -> None:
    """Put items into their table, in place of what stood there."""
    table = schema.item
    rows = [projected(each) for each in items]
    old = [{"old_entity": row["entity"], "old_item": row["item"]} for row in rows]
    place = (table.c.entity == sa.bindparam("old_entity")) & (
        table.c.item == sa.bindparam("old_item")
    )
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(table.delete().where(place), old[start : start + _AT_ONCE])
        connection.execute(table.insert(), rows[start : start + _AT_ONCE])


def _book(connection: sa.Connection) -> Iterator[dict]:
    table = schema.event
    query = sa.select(table).order_by(table.c.seq).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query).mappings():
        yield dict(row)


def _folded(connection: sa.Connection) -> dict[tuple[str, str], Item]:
    items: dict[tuple[str, str], Item] = {}
    for row in _book(connection):
        place = row["entity"], row["item"]
        items[place] = applied(items.get(place), event_of(row))
    return items


def rebuilt(connection: sa.Connection) -> int:
    """Make the items anew from the events, within a transaction; returns how many."""
    items = _folded(connection)
    connection.execute(schema.item.delete())
    _stored(connection, list(items.values()))
    return len(items)


def _unlike(connection: sa.Connection) -> list[str]:
    """Items that are not what their events come to."""
    try:
        wanted = {place: projected(each) for place, each in _folded(connection).items()}
    except LedgerError as error:
        return [f"the events contradict one another: {error}"]
    problems = []
    for row in connection.execute(sa.select(schema.item)).mappings():
        place = row["entity"], row["item"]
        good = wanted.pop(place, None)
        if good is None:
            problems.append(f"{' '.join(place)} has no event")
        elif any(good[name] != row[name] for name in row):
            problems.append(f"{' '.join(place)} is not what its events come to; rebuild the items")
    return [*problems, *(f"{' '.join(place)} is missing; rebuild the items" for place in wanted)]


def _queued(connection: sa.Connection, notices: list[Mapping]) -> None:
    table = schema.notice
    ids = [row["notice"] for row in notices]
    query = sa.select(table.c.notice).where(table.c.notice.in_(ids))
    known = set(connection.execute(query).scalars()) if ids else set()
    fresh = {row["notice"]: dict(row) for row in notices if row["notice"] not in known}
    if fresh:
        empty = {"state": "queued", "tries": 0, "sent": None, "said": ""}
        connection.execute(
            table.insert(), [empty | {"next": row["made"]} | row for row in fresh.values()]
        )
