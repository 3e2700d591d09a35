"""The whole examination of the tiny city."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from oracles.hand import minutes

from lifeline_kit.checkup.profile import load_profile
from lifeline_kit.errors import ReadingsError
from lifeline_kit.model.city import City
from lifeline_kit.model.readings import dense_node, flatten, nodes, ragged_node
from lifeline_kit.model.tables import check_findings
from lifeline_kit.pipeline import examination_version, examine, moments, until

LAST = pd.Timestamp("2026-10-10T23:45")
NOON = pd.Timestamp("2026-10-10T12:00")


def test_exactly_the_burst_and_the_gas_are_warned_of(tiny_city: City) -> None:
    examined = examine(tiny_city)
    warnings = examined.warnings
    assert warnings[["lifeline", "asset", "level"]].to_numpy().tolist() == [
        ["water", "W1", 2],
        ["gas", "G1", 2],
    ]
    burst, gas = warnings["issued"]
    assert NOON + pd.Timedelta("45min") <= burst <= NOON + pd.Timedelta("90min")
    assert gas == pd.Timestamp("2026-10-10T18:15")  # a fast rise; its limit waits half an hour
    assert warnings["state"].iloc[1] == "open"
    assert (examined.at, examined.since) == (LAST, pd.Timestamp("2026-10-01"))


def test_the_burst_is_still_open_while_it_lasts(tiny_city: City) -> None:
    assert examine(tiny_city).warnings["state"].iloc[0] == "open"


def test_findings_are_sound_and_their_causes_are_among_them(tiny_city: City) -> None:
    found = check_findings(examine(tiny_city).findings)
    coupled = found[found["method"] == "coupling"]
    assert set(coupled["asset"]) == {"G2", "R1"}
    assert set(found["cause"]) <= {"", *found.index}
    assert set(found["asset"]) <= set(tiny_city.assets.index)
    for column in ("title_zh", "title_en", "evidence_zh", "evidence_en", "source"):
        assert (found[column] != "").all()
    assert (found["real_or_simulated"] == "simulated").all()
    assert (found["since"] <= LAST).all()
    assert not (found["until"] > LAST).any()


def test_the_tables_fit_one_another(tiny_city: City) -> None:
    examined = examine(tiny_city)
    assert examined.risk.index.equals(tiny_city.assets.index)
    assert set(examined.health.index) == set(tiny_city.sensors.index)
    for own in examined.warnings["findings"]:
        assert set(own) <= set(examined.findings.index)
    whole = examined.scores[examined.scores["scope"] == "city"]
    assert whole["subject"].tolist() == ["city"]
    assert whole["score"].between(0, 100).all()
    assert examined.risk["level"]["G1"] < examined.risk["level"]["W2"]


def test_twice_is_the_same(tiny_city: City) -> None:
    one, other = examine(tiny_city), examine(tiny_city)
    assert one.version == other.version
    for name in ("findings", "warnings", "scores", "risk", "health", "flags"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def test_examining_changes_nothing(tiny_city: City) -> None:
    readings, assets = tiny_city.readings.copy(deep=True), tiny_city.assets.copy()
    examine(tiny_city)
    assert tiny_city.readings.identical(readings)
    pd.testing.assert_frame_equal(pd.DataFrame(tiny_city.assets), pd.DataFrame(assets))


def test_a_moment_in_the_past_sees_nothing_later(tiny_city: City) -> None:
    past = pd.Timestamp("2026-10-10T15:00")
    examined = examine(tiny_city, past)
    assert examined.at == past
    assert examined.warnings["asset"].tolist() == ["W1"]
    assert examined.warnings["state"].tolist() == ["open"]
    assert (examined.findings["since"] <= past).all()
    assert examined.health["last"].max() <= past
    assert examined.health["online"].all()
    changed = {}
    for path, node in nodes(tiny_city.readings):
        node = node.copy(deep=True)
        node["value"].values[..., node["time"].to_numpy() > past] = 0.123
        changed[path] = node
    other = examine(tiny_city.with_(readings=xr.DataTree.from_dict(changed)), past)
    for name in ("findings", "warnings", "scores", "risk", "health", "flags"):
        pd.testing.assert_frame_equal(getattr(examined, name), getattr(other, name))


def test_before_the_first_reading_nothing_is_known(tiny_city: City) -> None:
    examined = examine(tiny_city, pd.Timestamp("2026-09-01"))
    assert len(examined.warnings) == 0
    assert not examined.health["online"].any()
    assert examined.scores[examined.scores["scope"] == "city"]["grade"].tolist() == [""]


def test_until_cuts_both_forms(tiny_city: City) -> None:
    time = np.concatenate([minutes(4), minutes(6), minutes(2)])
    node = ragged_node("methane", np.array(["a", "b", "c", "d"]), [4, 0, 6, 2], time, np.arange(12))
    dense = dense_node("pressure", np.array(["p1"]), minutes(6), np.arange(6.0)[None])
    city = tiny_city.with_(readings=xr.DataTree.from_dict({"methane/x": node, "pressure/x": dense}))
    kept = dict(nodes(until(city, pd.Timestamp(minutes(3)[2])).readings))
    assert flatten(kept["methane/x"]).starts.tolist() == [0, 3, 3, 6, 8]
    assert flatten(kept["methane/x"]).value.tolist() == [0, 1, 2, 4, 5, 6, 10, 11]
    assert kept["pressure/x"]["value"].to_numpy().tolist() == [[0, 1, 2]]


def test_the_last_moment_passes_over_a_clock_that_runs_ahead(tiny_city: City) -> None:
    ids = np.array([f"s{i}" for i in range(40)])
    value = np.zeros((40, 10), dtype=float)
    value[1:, 8:] = np.nan
    node = dense_node("pressure", ids, minutes(10, 600), value)
    city = tiny_city.with_(readings=xr.DataTree.from_dict({"pressure/x": node}))
    assert moments(city) == (minutes(1)[0], minutes(10, 600)[7])


def test_a_city_without_readings(tiny_city: City) -> None:
    with pytest.raises(ReadingsError, match="holds no reading; load some"):
        examine(tiny_city.with_(readings=xr.DataTree()))


def _changed_value(city: City) -> City:
    tree = {path: node.copy(deep=True) for path, node in nodes(city.readings)}
    tree["pressure/15min"]["value"].values[0, 0] += 1
    return city.with_(readings=xr.DataTree.from_dict(tree))


@pytest.mark.parametrize("saved", [False, True])
def test_the_stamp_follows_data_moment_and_profile(tiny_city: City, tmp_path, saved: bool) -> None:
    profile = load_profile()
    city = City.open(tiny_city.save(tmp_path / "city")) if saved else tiny_city
    stamp = examination_version(city, None, profile)
    assert stamp == examination_version(city, None, load_profile())
    others = [
        examination_version(city, LAST, profile),
        examination_version(_changed_value(city), None, profile),
        examination_version(
            city.with_(assets=city.assets.assign(year=city.assets["year"] - 1)), None, profile
        ),
        examination_version(
            city.with_(assets=city.assets.set_geometry(city.assets.translate(1.0))), None, profile
        ),
    ]
    assert len({stamp, *others}) == 1 + len(others)


def test_tasks_enter_the_scores_and_the_stamp(tiny_city: City) -> None:
    plain = examine(tiny_city)
    assert "response" not in set(plain.scores["indicator"])
    warning = plain.warnings.index[0]
    times = {"due": [plain.at, plain.at], "done": [plain.at, pd.NaT]}
    tasks = pd.DataFrame({"warning": warning, "unit": "Co", **times}, index=["T0", "T1"])
    tasks = tasks.astype(dict.fromkeys(times, "datetime64[ms]")).rename_axis("task")
    examined = examine(tiny_city, tasks=tasks)
    scores = examined.scores[examined.scores["scope"] == "lifeline"]
    own = scores[scores["subject"] == plain.warnings["lifeline"][warning]]
    assert own.set_index("indicator")["score"]["response"] == 50.0
    assert examined.version != plain.version
    assert examine(tiny_city, tasks=tasks[:1]).version not in {plain.version, examined.version}


def test_the_stamp_follows_the_rules(tiny_city: City, tmp_path, monkeypatch) -> None:
    from lifeline_kit import pipeline

    profile = load_profile()
    (tmp_path / "gas.toml").write_text("levels = 1")
    monkeypatch.setattr(pipeline, "__file__", str(tmp_path / "pipeline.py"))
    one = examination_version(tiny_city, None, profile)
    (tmp_path / "gas.toml").write_text("levels = 2")
    assert examination_version(tiny_city, None, profile) != one


def test_progress_counts_up_to_the_end(tiny_city: City) -> None:
    seen: list[tuple[str, int, int]] = []
    examined = examine(tiny_city, progress=lambda *step: seen.append(step))
    assert [done for _, done, _ in seen] == list(range(len(seen)))
    assert seen[-1][0] == "done"
    assert seen[-1][1] == seen[-1][2]
    assert [name for name, _, _ in seen[:-1]] == list(examined.seconds)


def test_the_pipeline_draws_nothing() -> None:
    code = (
        "import sys, lifeline_kit.pipeline;"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "pandas" in loaded
    assert not loaded & {"panel", "bokeh", "holoviews", "datashader", "param", "matplotlib"}
