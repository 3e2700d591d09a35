"""`lifeline rules`: every rule in force with its limits and source, in both languages."""

import re

import pytest

from lifeline_kit.checkup.devices import shares
from lifeline_kit.cli import main
from lifeline_kit.lifelines import ALL

OWN = """
version = "2026-10"

[[override]]
rule = "gas.methane"
assets = ["G1"]
levels = { IV = 1.0, III = 2.0, II = 2.5, I = 5.0 }
source = "council decision 12/2026"
verified = true

[[rules]]
lifeline = "water"
key = "own.silent"
zh = "测点离线"
en = "Sensor silent"
quantity = "pressure"
test = "offline"
unit = "interval"
levels = { IV = 8.0 }
source = "contract [draft]"

[[shelve]]
rule = "gas.methane"
asset = "G1"
since = "2026-10-10T00:00"
until = "2026-10-12T00:00"
reason = "probe is being swapped"
by = "Li"
"""


def printed(capsys, *arguments: str) -> str:
    assert main(["rules", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("lang", "mark"), [("zh", "依据待核"), ("en", "source not yet verified")])
def test_all_that_ships_is_listed_and_marked(capsys, lang: str, mark: str) -> None:
    text = printed(capsys, "--lang", lang)
    for lifeline in ALL:
        assert f"{lifeline.title(lang)} · {lifeline.key} · {lifeline.version}" in text
        for entry in (*lifeline.rules, *lifeline.composites):
            assert f"  {entry.key}  {entry.title(lang)}\n" in text
            if getattr(entry, "needs", None) is not None:
                assert entry.needs(lang) in text
    for share in shares():
        assert f"  {share.key}  {share.title(lang)}\n" in text
    entries = [each for one in ALL for each in (*one.rules, *one.composites)] + [*shares()]
    assert text.count(mark) == sum(not each.verified for each in entries)
    rain = text[text.index("drainage.rain_3h") :].splitlines()
    assert re.fullmatch(r"    .*3 .*: II 50 · I 100 mm", rain[1])
    assert mark not in "".join(rain[:4])  # the weather service's own signal


def test_a_centres_changes_stand_beside_what_ships(capsys, tiny_city, tmp_path) -> None:
    tiny_city.save(tmp_path / "city")
    (tmp_path / "city" / "rules.toml").write_text(OWN, encoding="utf-8")
    text = printed(capsys, "--city", str(tmp_path / "city"), "--lang", "en")
    assert "Gas · gas · 2026.2 + 2026-10" in text
    assert "except 1 with limits of their own" in text
    own = text[text.index("the centre's, for G1 alone") :].splitlines()
    assert own[1].strip() == "council decision 12/2026"
    assert "above: IV 1 · III 2 · II 2.5 · I 5 %VOL" in text
    assert "silent: IV 8 intervals\n    the centre's own\n    contract [draft]" in text
    assert (
        "shelved: gas.methane at G1 until 2026-10-12 00:00 UTC (Li: probe is being swapped)" in text
    )


def test_a_wrong_language_or_city_is_said(capsys, tmp_path) -> None:
    assert main(["rules", "--lang", "fr"]) == 2
    assert "--lang 'fr' is not known; expected zh, en" in capsys.readouterr().err
    assert main(["rules", "--city", str(tmp_path)]) == 2
