"""Rules of duty, timers, issuing out of examinations, re-check by data, the desk and the watch."""

import json
import os
import re
import shutil
import socketserver
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import lifeline_kit.early_warning as room
from lifeline_kit.cli import main
from lifeline_kit.early_warning.duty import load_duty
from lifeline_kit.early_warning.issue import back_to_normal
from lifeline_kit.early_warning.timers import due
from lifeline_kit.errors import LedgerError, RulesError, ServiceError
from lifeline_kit.io.ledger import Ledger
from lifeline_kit.io.ledger.outbox import notices
from lifeline_kit.pipeline import examine
from lifeline_kit.services.desk import done, rechecked, split
from lifeline_kit.services.senders import notice_id, send
from lifeline_kit.services.watch import synchronised, watch_round

SHIPPED = Path(room.__file__).with_name("duty.toml")
DUTY = load_duty()
NOW = np.datetime64("2026-10-10T18:00", "ms")
NOTICE = {
    "notice": "n1", "item": "W1", "subject": "催办：泄漏\nBcc: x@y", "text": "漏气",
    "made": 1_790_000_000_000,
}  # fmt: skip


def minutes(n):
    return NOW + np.timedelta64(round(n * 60_000), "ms")


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "l.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def examination(tiny_city):
    return examine(tiny_city)


def changed(tmp_path, old, new):
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "duty.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('next = "manager"', 'next = "duty"', "in a circle: duty > second > lead > duty"),
        ('next = "lead"', 'next = "boss"', "'second' passes on to 'boss', who is none"),
        ('to = "file"', 'to = "fax:1"', "has the address 'fax:1'; expected file, mailto"),
        ('contact = "duty"', 'contact = "nobody"', "unit of 'gas' names contact 'nobody'"),
        ("[5, 15, 30]", "[5, 5]", "expected rising times above 0"),
        ("[recheck]", "[rechecked]", "'recheck' is missing"),
        ("II = 6,", 'II = "six",', "could not convert string"),
        ('version = "2026.1"', "version = ", "duty.toml: "),
    ],
)
def test_rules_of_duty_that_contradict_themselves_are_refused(tmp_path, old, new, match):
    with pytest.raises(RulesError, match=match):
        load_duty(changed(tmp_path, old, new))


def issued(ledger, level=2, item="W1", **more):
    from lifeline_kit.io.ledger import Draft

    body = {"level": level, "unit": "燃气公司", "title_zh": "泄漏", "lifeline": "gas"} | more
    draft = Draft(entity="warning", item=item, act="issue", actor="t", body=body)
    ledger.append([draft], now=NOW)


def steps(ledger, at):
    return [(step.step, step.contact.key) for step in due(ledger.items(), DUTY, now=minutes(at))]


def test_each_step_falls_due_at_its_minute_and_tells_the_next_one(ledger):
    issued(ledger)
    assert steps(ledger, 4.99) == []
    assert steps(ledger, 5) == [("unreceived-1", "second")]
    assert steps(ledger, 15)[-1] == ("unreceived-2", "lead")
    assert set(steps(ledger, 30)[-2:]) == {("response", "lead"), ("unreceived-3", "manager")}
    done(ledger, "W1", "receive", actor="li", now=minutes(31))
    assert steps(ledger, 119) == [("response", "lead")]
    assert [step for step, _ in steps(ledger, 120)] == ["response", "control"]
    done(ledger, "W1", "dispose", actor="li", now=minutes(121), body={"text": "到场"})
    assert [step for step, _ in steps(ledger, 130)] == ["control"]
    assert [step for step, _ in steps(ledger, 72 * 60)] == ["control", "closing"]
    done(ledger, "W1", "supervise", actor="mayor", now=NOW,
         body={"due": "2026-10-10T20:00", "by": "安委办"})  # fmt: skip
    assert ("supervised", "manager") in steps(ledger, 121)


def test_a_new_unit_gets_its_own_five_minutes(ledger):
    issued(ledger)
    done(ledger, "W1", "assign", actor="lead", now=minutes(10), body={"unit": "供水公司"})
    assert ("unreceived-1", "second") not in steps(ledger, 14)
    assert ("unreceived-1", "second") in steps(ledger, 15)


def test_rounds_remind_once_and_deliver(ledger, tmp_path):
    issued(ledger)
    for _ in range(3):
        watch_round(ledger, DUTY, now=minutes(16), folder=tmp_path / "box")
    files = [json.loads(p.read_text("utf-8")) for p in sorted((tmp_path / "box").glob("*.json"))]
    assert len(files) == 2
    assert {"5 分钟未接收" in f["text"] or "15 分钟未接收" in f["text"] for f in files} == {True}
    assert [e.act for e in ledger.events("warning", "W1")] == ["issue", "remind", "remind"]


def test_an_examination_becomes_warnings_once_and_grows_worse(ledger, examination):
    at = examination.at.to_datetime64()
    acts = synchronised(ledger, examination, DUTY, now=at)
    items = ledger.items()
    still = examination.warnings[examination.warnings["state"] == "open"]
    assert len(items) == len(still) > 0
    booked = [len(ledger.items(each, open_only=False)) for each in ("finding", "alarm")]
    assert acts == len(items) + sum(booked)
    assert synchronised(ledger, examination, DUTY, now=at) == 0
    item = items.index[-1]
    assert items["body"][item]["rules"]
    assert len(notices(ledger)) == len(items)
    worse = examination.warnings.copy()
    worse["level"] = 1
    raised = int((items["level"] > 1).sum())
    assert synchronised(ledger, _with(examination, warnings=worse), DUTY, now=at) == raised
    assert set(ledger.items()["level"]) == {1}


def _with(examination, **tables):
    from dataclasses import replace

    return replace(examination, **tables)


def test_history_that_is_over_is_not_issued(ledger, examination):
    old = examination.warnings.copy()
    old["cleared"] = examination.at - pd.Timedelta(days=3)
    synchronised(ledger, _with(examination, warnings=old), DUTY, now=NOW)
    assert ledger.items(open_only=False).empty


def test_nobody_releases_what_the_data_do_not(ledger, examination):
    at = examination.at.to_datetime64()
    synchronised(ledger, examination, DUTY, now=at)
    item = ledger.items().index[0]
    done(ledger, item, "receive", actor="li", now=at)
    done(ledger, item, "submit", actor="li", now=at)
    with pytest.raises(LedgerError, match="decided by data, not by hand"):
        done(ledger, item, "recheck", actor="li", now=at, body={"basis": "I say so"})
    with pytest.raises(LedgerError, match="may not be released: still beyond its limit"):
        rechecked(ledger, item, examination, DUTY, actor="li", now=at)
    level, findings = ledger.item("warning", item).level, examination.findings.copy()
    needed = pd.Timedelta(hours=DUTY.quiet_h[level])
    findings["until"] = examination.at - needed + pd.Timedelta(minutes=1)
    with pytest.raises(LedgerError, match=r"back for .* h only"):
        rechecked(ledger, item, _with(examination, findings=findings), DUTY, actor="li", now=at)
    findings["until"] = examination.at - needed
    blind = examination.health.assign(last=examination.at - needed)
    with pytest.raises(LedgerError, match="nothing to check by"):
        rechecked(ledger, item, _with(examination, findings=findings, health=blind), DUTY,
                  actor="li", now=at)  # fmt: skip
    with pytest.raises(LedgerError, match="no stored examination"):
        rechecked(ledger, item, None, DUTY, actor="li", now=at)
    rechecked(ledger, item, _with(examination, findings=findings), DUTY, actor="li", now=at)
    done(ledger, item, "close", actor="li", now=at, body={"verdict": "leak"})
    verdicts = ledger.items("verdict", open_only=False)
    assert verdicts["body"].iloc[0]["verdict"] == "leak"
    assert verdicts["body"].iloc[0]["rules"] == ledger.item("warning", item).body["rules"]


def test_findings_that_are_unknown_release_nothing(examination):
    good, why = back_to_normal({}, 1, examination.findings, examination.health, DUTY, at=NOW)
    assert not good
    assert "none of its findings" in why.en


def test_a_split_makes_warnings_of_its_parts(ledger):
    issued(ledger, findings=["a", "b"])
    parts = [{"unit": "供水公司", "findings": ["a"]}, {"level": 1, "findings": ["b"]}]
    split(ledger, "W1", parts, actor="lead", now=NOW)
    items = ledger.items()
    assert items["unit"].value_counts().to_dict() == {"燃气公司": 2, "供水公司": 1}
    assert sorted(items["level"]) == [1, 2, 2]
    with pytest.raises(LedgerError, match="its parts"):
        split(ledger, "W1", [], actor="lead", now=NOW)


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs; keeps what it is given."""

    got: ClassVar[list] = []

    def handle(self):
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper().startswith("DATA"):
                self._say("354 go on")
                lines = []
                while (row := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(row)
                type(self).got.append("".join(lines))
            elif line.upper() == "QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _say(self, words):
        self.wfile.write(f"{words}\r\n".encode())


def test_mail_carries_its_id_and_no_header_from_data(monkeypatch, tmp_path):
    _Mail.got = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("LIFELINE_SMTP", f"127.0.0.1:{server.server_address[1]}")
        send(NOTICE, "mailto:duty@example.org", folder=tmp_path)
        server.shutdown()
    (message,) = _Mail.got
    head = message.split("\r\n\r\n", maxsplit=1)[0]
    assert f"<{notice_id(NOTICE)}@lifeline>" in head
    assert not re.search(r"(?mi)^bcc:", head)


def test_a_notice_reaches_a_broker(monkeypatch, tmp_path):
    from lifeline_kit.bench.mosquitto import Mosquitto, mosquitto_path

    if mosquitto_path() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed, and CI must not skip this")
        pytest.skip("mosquitto is not installed (Debian: apt install mosquitto)")
    import paho.mqtt.client as mqtt

    got, ready = [], threading.Event()
    with Mosquitto(tmp_path) as broker:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.on_message = lambda *a: (got.append(json.loads(a[2].payload)), ready.set())
        client.on_connect = lambda c, *_: c.subscribe("duty/notices", qos=1)
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        assert subscribed.wait(10)
        monkeypatch.setenv("LIFELINE_NOTICE_BROKER", f"mqtt://127.0.0.1:{broker.port}")
        send(NOTICE, "mqtt:duty/notices", folder=tmp_path)
        assert ready.wait(10)
        client.disconnect()
        client.loop_stop()
    assert got[0]["id"] == notice_id(NOTICE)
    assert got[0]["text"] == "漏气"


@pytest.mark.parametrize(
    ("to", "match"),
    [
        ("mailto:a@b", "set LIFELINE_SMTP"),
        ("mqtt:x", "set LIFELINE_NOTICE_BROKER"),
        ("http://127.0.0.1:9/x", "refused"),
        ("fax:1", "no sender for 'fax'"),
    ],
)
def test_what_cannot_be_sent_is_said_and_tried_again(to, match, tmp_path, ledger, monkeypatch):
    monkeypatch.delenv("LIFELINE_SMTP", raising=False)
    with pytest.raises(ServiceError, match=match):
        send(NOTICE, to, folder=tmp_path)


def test_a_file_is_written_once(tmp_path):
    for _ in range(2):
        send(NOTICE, "file", folder=tmp_path / "box")
    (file,) = (tmp_path / "box").iterdir()
    assert json.loads(file.read_text("utf-8"))["text"] == "漏气"


DEMO = Path(__file__).parents[2] / "data" / "demo" / "wuhan"


def test_the_command_line_from_city_to_closing(tmp_path, capsys):
    city = tmp_path / "city"
    shutil.copytree(DEMO, city, ignore=shutil.ignore_patterns(".derived", "ledger*"))
    assert main(["watch", "--city", str(city), "--once"]) == 0
    with Ledger.open(city / "ledger.sqlite") as ledger:
        items = ledger.items()
    item = items.index[0]
    where = ["--city", str(city)]
    assert main(["ledger", "list", *where]) == 0
    assert main(["ledger", "act", item, "receive", "--by", "李", *where]) == 0
    assert main(["ledger", "act", item, "receive", "--by", "李", *where]) == 2
    assert main(["ledger", "show", item, *where]) == 0
    assert "allowed now: assign, dispose" in " ".join(capsys.readouterr().out.split())
    assert main(["ledger", "act", item, "submit", "--by", "李", *where]) == 0
    assert main(["ledger", "recheck", item, "--by", "李", *where]) == 2
    assert "may not be released" in capsys.readouterr().err
    assert main(["ledger", "backup", str(tmp_path / "b.gz"), *where]) == 0
    assert main(["ledger", "verify", *where]) == 0
    assert main(["ledger", "verify", "--head", "0" * 64, *where]) == 1
    other = ["--ledger", str(tmp_path / "o.sqlite")]
    assert main(["ledger", "restore", str(tmp_path / "b.gz"), *other]) == 0
    assert main(["ledger", "rebuild", *other]) == 0
    assert main(["ledger", "notices", *other]) == 0
    assert main(["ledger", "list"]) == 2
    assert main(["ledger", "act", item, "note", "--say", "text", "--by", "x", *where]) == 2
    assert main(["watch", *where, "--every", "0"]) == 2


def test_hazards_incidents_and_tasks_have_their_own_walk(tmp_path, capsys):
    place = ["--ledger", str(tmp_path / "l.sqlite")]
    assert main(["ledger", "init", *place]) == 0
    hazard = ["ledger", "act", "H1"]
    by = ["--by", "李", "--entity", "hazard", *place]
    assert main([*hazard, "register", *by, "--say", "level=2", "unit=燃气公司"]) == 2
    assert "'register' needs 'due'" in capsys.readouterr().err
    said = ["--say", "level=2", "unit=燃气公司", "due=2026-12-01", "title_zh=埋深不足"]
    assert main([*hazard, "register", *by, *said]) == 0
    assert main([*hazard, "accept", *by]) == 2
    assert main([*hazard, "submit", *by]) == 0
    assert main([*hazard, "return", *by, "--say", "reason=未整改"]) == 0
    assert main([*hazard, "submit", *by]) == 0
    assert main([*hazard, "accept", *by]) == 0
    task = ["--by", "李", "--entity", "task", *place]
    order = ["--say", "unit=抢修一队", "due=2026-12-01T08:00"]
    assert main(["ledger", "act", "T1", "order", *task, *order]) == 0
    assert main(["ledger", "act", "T1", "finish", *task]) == 0
    assert main(["ledger", "show", "H1", "--entity", "hazard", *place]) == 0
    assert "已整改" in capsys.readouterr().out
    assert main(["ledger", "list", "--entity", "hazard", "--all", *place]) == 0
    assert main(["ledger", "act", "X", "do", "--by", "x", "--entity", "thing", *place]) == 2
    with Ledger.open(tmp_path / "l.sqlite") as ledger:
        assert ledger.verify().problems == ()
        assert ledger.item("hazard", "H1").state == "mended"
        assert ledger.item("task", "T1").state == "done"
