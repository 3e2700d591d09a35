"""The ledger on SQLite and on PostgreSQL: acts, conflicts, the chain, copies, old versions."""

import gzip
import json
import re
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from lifeline_kit.errors import ConflictError, LedgerError
from lifeline_kit.io.ledger import Draft, Ledger, backup, restore
from lifeline_kit.io.ledger.outbox import LEASE_MS, claimed, notices, settled
from lifeline_kit.model.ledger import MACHINES, STATES, VERDICTS, item_id

NOW = np.datetime64("2026-10-01T08:00", "ms")
ISSUE = {"level": 2, "unit": "燃气公司", "title_zh": "泄漏", "lifeline": "gas"}
WALK = (
    ("receive", {}),
    ("dispose", {"text": "到场"}),
    ("control", {}),
    ("submit", {}),
    ("recheck", {"basis": "quiet for 6 h"}),
    ("close", {"verdict": "leak"}),
)


def draft(act, body=None, item="W1", **more):
    return Draft(entity="warning", item=item, act=act, actor="wang", body=body or {}, **more)


def minutes(n):
    return NOW + np.timedelta64(n, "m").astype("timedelta64[ms]")


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path):
    """An empty place for a ledger, on either database."""
    if request.param == "sqlite":
        yield tmp_path / "ledger.sqlite"
        return
    server = request.getfixturevalue("postgres")
    name = f"l{abs(hash(request.node.name)) % 10**12}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    yield server.replace("/postgres", f"/{name}")


@pytest.fixture
def ledger(address):
    with Ledger.open(address, create=True) as opened:
        yield opened


def test_a_warning_walks_through_its_states(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    states = []
    for k, (act, body) in enumerate(WALK, start=1):
        ledger.append([draft(act, body)], now=minutes(k))
        states.append(ledger.item("warning", "W1").state)
    assert states == ["handling", "handling", "handling", "review", "release", "closed"]
    held = ledger.item("warning", "W1")
    assert (held.version, held.level, held.body["verdict"]) == (7, 2, "leak")
    assert held.times["dispose"] == minutes(2)
    assert held.closed == minutes(6)
    assert ledger.items().empty
    assert ledger.items(open_only=False)["state"].tolist() == ["closed"]
    assert [event.act for event in ledger.events("warning", "W1")] == [
        "issue", *(act for act, _ in WALK)
    ]  # fmt: skip
    assert ledger.verify().problems == ()


@pytest.mark.parametrize(
    ("act", "body", "match"),
    [
        ("close", {"verdict": "leak"}, "'close' is not allowed, as it is awaiting receipt"),
        ("fly", {}, "'fly' cannot be done to a warning"),
        ("assign", {}, "'assign' needs 'unit'"),
        ("escalate", {"level": 3}, "escalating from 2 to 3 is none"),
        ("escalate", {"level": 0}, r"level is 0; expected 1 \(I"),
        ("merge", {"into": "W1"}, "cannot be merged into"),
        ("merge", {"into": "W9"}, "no such open one"),
        ("supervise", {"due": "soon", "by": "mayor"}, "due is 'soon'; expected a moment"),
        ("note", {"text": float("nan")}, "finite numbers"),
        ("note", {"text": "\ud800"}, "expected plain text"),
        ("issue", ISSUE, "'issue' is not allowed"),
    ],
)
def test_what_is_not_allowed_is_said_and_nothing_is_written(ledger, act, body, match):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    with pytest.raises(LedgerError, match=match):
        ledger.append([draft("note", {"text": "first"}), draft(act, body)], now=NOW)
    assert ledger.item("warning", "W1").version == 1
    assert ledger.verify().events == 1


def test_ids_and_names_must_be_short_and_printable(ledger):
    for item in ("", "x" * 201, "a\nb", "a\x00b", "\u202egnp.exe"):
        with pytest.raises(LedgerError, match="printable characters"):
            ledger.append([draft("issue", ISSUE, item=item)], now=NOW)
        ledger.append([draft("issue", ISSUE, item=item_id(item))], now=NOW)
    assert len(ledger.items()) == 5


def test_text_of_any_kind_is_kept_as_it_is(ledger):
    said = "<script>alert(1)</script> & \u202e 漏气 \x07 " + "长" * 10_000
    ledger.append([draft("issue", ISSUE | {"title_zh": said})], now=NOW)
    assert ledger.item("warning", "W1").body["title_zh"] == said
    assert ledger.verify().problems == ()


def test_two_people_cannot_close_the_same_warning(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    for act, body in WALK[:-1]:
        ledger.append([draft(act, body)], now=NOW)
    seen = ledger.item("warning", "W1").version
    ledger.append([draft("close", {"verdict": "leak"}, version=seen)], now=NOW)
    with pytest.raises(ConflictError, match="somebody else was faster: it has 7 acts"):
        ledger.append([draft("close", {"verdict": "biogas"}, version=seen)], now=NOW)
    assert ledger.item("warning", "W1").body["verdict"] == "leak"


def test_a_reminder_between_looking_and_acting_is_no_conflict(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    ledger.append([draft("remind", {"step": "unreceived-1"})], now=NOW)
    ledger.append([draft("receive", version=1)], now=NOW)
    with pytest.raises(ConflictError):
        ledger.append([draft("receive", version=1)], now=NOW)


def test_the_same_key_is_written_once(ledger):
    first = ledger.append([draft("issue", ISSUE, key="k1")], now=NOW)
    again = ledger.append([draft("issue", ISSUE, key="k1")], now=minutes(5))
    assert first == again
    assert ledger.verify().events == 1


def test_a_clock_set_back_loses_nothing_and_turns_nothing_back(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    (event,) = ledger.append([draft("receive")], now=minutes(-600))
    assert event.at == NOW
    row = list(ledger.rows())[-1]
    assert row["told"] == int(minutes(-600).astype(np.int64))
    assert ledger.verify().problems == ()


def test_merge_and_split_and_supervision(ledger):
    for item in ("W1", "W2"):
        ledger.append([draft("issue", ISSUE, item=item)], now=NOW)
    ledger.append([draft("merge", {"into": "W1"}, item="W2")], now=NOW)
    assert ledger.item("warning", "W2").state == "merged"
    ledger.append([draft("supervise", {"due": "2026-10-05", "by": "市安委办"})], now=NOW)
    assert ledger.items()["supervised"].tolist() == [True]
    with pytest.raises(LedgerError, match="it is merged"):
        ledger.append([draft("receive", item="W2")], now=NOW)


def test_open_ones_come_gravest_first_a_page_at_a_time(ledger):
    drafts = [draft("issue", ISSUE | {"level": 1 + k % 4}, item=f"W{k:03d}") for k in range(20)]
    ledger.append(drafts, now=NOW)
    page = ledger.items(limit=6, offset=3)
    assert page["level"].tolist() == [1, 1, 2, 2, 2, 2]
    assert ledger.counts()["n"].sum() == 20


def tampered(ledger, statement):
    """Do to the database what its owner can: drop the guard, then change a row."""
    drop = {
        "sqlite": (
            "DROP TRIGGER IF EXISTS event_no_update",
            "DROP TRIGGER IF EXISTS event_no_delete",
        ),
        "postgresql": ("DROP TRIGGER IF EXISTS event_refuse ON event",),
    }
    with ledger.engine.begin() as connection:
        for each in (*drop[ledger.engine.dialect.name], statement):
            connection.exec_driver_sql(each)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE event SET body = '[]' WHERE seq = 2", r"event 2 \(warning W1, receive\) was chan"),
        ("UPDATE event SET body = 'x' WHERE seq = 2", "event 2 .* was changed"),
        ("UPDATE event SET actor = 'li' WHERE seq = 1", "event 1 .* was changed"),
        ("DELETE FROM event WHERE seq = 2", "events 2 to 2 are missing"),
        ("DELETE FROM event WHERE seq = 3", "the book ends at"),
        ("UPDATE item SET state = 'closed'", "warning W1 is not what its events come to"),
        ("DELETE FROM item", "warning W1 is missing"),
    ],
)
def test_a_row_changed_by_hand_is_found(ledger, statement, match):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    for act, body in WALK[:2]:
        ledger.append([draft(act, body)], now=NOW)
    tampered(ledger, statement)
    problems = " | ".join(ledger.verify().problems)
    assert re.search(match, problems), problems


def test_a_cut_end_is_found_by_a_hash_that_was_written_down(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    (event,) = ledger.append([draft("receive")], now=NOW)
    head = ledger.verify().head
    assert event.act == "receive"
    assert ledger.verify(head=head).problems == ()
    tampered(ledger, "DELETE FROM event WHERE seq = 2")
    first = next(ledger.rows())["hash"]
    tampered(ledger, f"UPDATE meta SET value = '{first}' WHERE name = 'head'")
    ledger.rebuild()
    assert ledger.verify().problems == ()  # a careful forger
    assert "cut off or replaced" in ledger.verify(head=head).problems[0]


def test_the_database_itself_refuses_changes(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    for statement in ("UPDATE event SET actor = 'li'", "DELETE FROM event"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger.engine.begin() as base:
            base.exec_driver_sql(statement)


def test_items_are_made_anew_from_the_events(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW)
    before = ledger.items()
    tampered(ledger, "DELETE FROM item")
    assert ledger.rebuild() == 1
    assert ledger.items().equals(before)


def test_a_copy_goes_from_one_database_into_another(ledger, tmp_path, address):
    ledger.append([draft("issue", ISSUE)], now=NOW, notices=[notice("n1")])
    ledger.append([draft("receive")], now=NOW)
    copy = tmp_path / "copy.jsonl.gz"
    made = backup(ledger, copy)
    assert restore(copy, tmp_path / "other.sqlite") == made
    with Ledger.open(tmp_path / "other.sqlite") as other:
        assert list(other.rows()) == list(ledger.rows())
        assert other.items().equals(ledger.items())
        assert notices(other).equals(notices(ledger))
    with pytest.raises(LedgerError, match="exists; name a new file"):
        backup(ledger, copy)
    with pytest.raises(LedgerError, match="holds a ledger already"):
        restore(copy, address)


def test_a_bad_copy_is_refused(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as ledger:
        for k in range(50):
            ledger.append([draft("issue", ISSUE, item=f"W{k}")], now=NOW)
        backup(ledger, tmp_path / "good.gz")
    lines = gzip.decompress((tmp_path / "good.gz").read_bytes()).decode().splitlines()
    changed = [*lines[:7], lines[7].replace("wang", "zhao"), *lines[8:]]
    for name, part, match in (
        ("short", lines[:-3], "holds 47 of 50 events"),
        ("changed", changed, "was changed"),
        ("headless", lines[1:], "its head is that of no copy"),
    ):
        path = tmp_path / f"{name}.gz"
        with gzip.open(path, "wt", encoding="utf-8") as out:
            out.write("\n".join(part))
        with pytest.raises(LedgerError, match=match):
            restore(path, tmp_path / f"{name}.sqlite")
    raw = (tmp_path / "good.gz").read_bytes()
    (tmp_path / "cut.gz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(LedgerError, match="truncated or another file"):
        restore(tmp_path / "cut.gz", tmp_path / "x.sqlite")
    with pytest.raises(LedgerError, match="no such file"):
        restore(tmp_path / "none.gz", tmp_path / "x.sqlite")


def test_a_file_copied_while_written_is_whole_or_refused(tmp_path):
    """Whatever moment a plain copy catches, nothing false is read from it."""
    stop, said, refused = threading.Event(), [], []
    with Ledger.open(tmp_path / "l.sqlite", create=True) as ledger:

        def write():
            k = 0
            while not stop.is_set():
                ledger.append([draft("issue", ISSUE, item=f"W{k}")], now=NOW)
                k += 1

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for n in range(12):
                copy = tmp_path / f"copy{n}.sqlite"
                shutil.copyfile(tmp_path / "l.sqlite", copy)
                try:
                    with Ledger.open(copy) as other:
                        said.append(" ".join(other.verify().problems))
                except LedgerError as error:
                    refused.append(str(error))
        finally:
            stop.set()
            thread.join()
        assert ledger.verify().problems == ()
    assert len(said) + len(refused) == 12
    assert not [each for each in said if "changed" in each]
    assert all("lifeline ledger" in each for each in refused)


def test_absent_foreign_newer_and_older_ledgers(tmp_path):
    with pytest.raises(LedgerError, match="no ledger there; make one"):
        Ledger.open(tmp_path / "none.sqlite")
    sqlite3.connect(tmp_path / "other.sqlite").executescript("CREATE TABLE x (y)").close()
    with pytest.raises(LedgerError, match="holds no ledger"):
        Ledger.open(tmp_path / "other.sqlite")
    (tmp_path / "text.sqlite").write_text("no database at all " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(tmp_path / "text.sqlite")
    with pytest.raises(LedgerError, match="'mysql' is not known"):
        Ledger.open("mysql://a@b/c")
    path = tmp_path / "l.sqlite"
    with Ledger.open(path, create=True) as ledger:
        ledger.append([draft("issue", ISSUE)], now=NOW)
        good = ledger.items()
    base = sqlite3.connect(path)
    base.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    base.commit()
    with pytest.raises(LedgerError, match="is of version 99"):
        Ledger.open(path)
    # version 1 had no column `supervised`
    base.executescript(
        "UPDATE meta SET value = '1' WHERE name = 'schema'; ALTER TABLE item DROP COLUMN supervised"
    )
    base.close()
    with Ledger.open(path) as ledger:
        assert ledger.items().equals(good)
        assert ledger.verify().problems == ()


def notice(name, made=NOW):
    return {
        "notice": name, "item": "W1", "contact": "duty", "made": int(made.astype(np.int64)),
        "subject": "s", "text": "t",
    }  # fmt: skip


def test_a_notice_is_one_senders_until_its_lease_ends(ledger):
    ledger.append([draft("issue", ISSUE)], now=NOW, notices=[notice("n1"), notice("n1")])
    (mine,) = claimed(ledger, now=NOW)
    assert claimed(ledger, now=minutes(1)) == []
    later = NOW + np.timedelta64(LEASE_MS, "ms")
    (his,) = claimed(ledger, now=later)  # I died
    settled(ledger, mine, now=later)  # and came back: it is not mine any more
    assert notices(ledger)["state"].tolist() == ["sending"]
    settled(ledger, his, now=later, said="refused")
    assert notices(ledger)["state"].tolist() == ["queued"]
    assert claimed(ledger, now=later) == []
    now = later
    while (row := notices(ledger).iloc[0])["state"] == "queued":
        now = now + np.timedelta64(1, "D")
        (held,) = claimed(ledger, now=now)
        settled(ledger, held, now=now, said="refused")
    assert (row["state"], row["tries"], row["said"]) == ("given_up", 12, "refused")


def test_twenty_writers_at_once_lose_nothing(address):
    with Ledger.open(address, create=True) as ledger:
        ledger.append([draft("issue", ISSUE)], now=NOW)

    def write(k):
        with Ledger.open(address) as own:
            for n in range(10):
                own.append(
                    [
                        draft("note", {"text": f"{k}-{n}"}),
                        draft("issue", ISSUE, item=f"W{k}-{n}"),
                    ],
                    now=NOW,
                )

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    with Ledger.open(address) as ledger:
        found = ledger.verify()
        assert (found.events, found.problems) == (1 + 400, ())
        said = {event.body["text"] for event in ledger.events("warning", "W1")[1:]}
        assert said == {f"{k}-{n}" for k in range(20) for n in range(10)}


def test_every_state_act_and_verdict_has_both_languages():
    for text in (*STATES.values(), *VERDICTS.values()):
        assert text.zh
        assert text.en
    reached = {state for acts in MACHINES.values() for act in acts.values()
               for pair in act.moves.items() for state in pair} - {""}  # fmt: skip
    assert reached == set(STATES)
    assert json.loads(json.dumps(sorted(VERDICTS)))
