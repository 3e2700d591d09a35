"""The gas-trace bench: truth of its own, calibrated sets, the comparison as named."""

import numpy as np
import pytest

from lifeline_kit.bench.gas_trace import _scores, trials
from lifeline_kit.demo.seepage import draw_leak, lay_scene, scene_assets


def test_scenes_and_leaks_repeat_and_differ():
    scene, again, other = lay_scene(4), lay_scene(4), lay_scene(5)
    np.testing.assert_array_equal(scene.xy, again.xy)
    assert len(other.xy) != len(scene.xy)
    one, two = (draw_leak(scene, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one.reading, two.reading)
    assert one.sensed.size == pytest.approx(0.5 * len(scene.xy), rel=0.1)
    assert 3.0 <= one.decay_m <= 12.0
    assert scene.mapped.mean() == pytest.approx(0.85, abs=0.06)


def test_a_scene_as_assets_keeps_places_and_names():
    scene = lay_scene(4)
    assets = scene_assets(scene, "EPSG:4547")
    pipes, spaces = assets[assets["kind"] == "pipe"], assets[assets["kind"] == "space"]
    assert (len(pipes), len(spaces)) == (len(scene.lines), len(scene.xy))
    assert pipes.geometry["p3"].equals(scene.lines[3])
    place = spaces.geometry["s7"]
    np.testing.assert_array_equal([place.x, place.y], scene.xy[7])


def test_a_few_leaks_are_traced_better_than_by_the_hottest_manhole():
    table = trials([4], 60)
    got = _scores(table)
    assert got["traced"] == table["error_m"].notna().sum()
    assert 0.5 < got["noticed_share"] < 0.95
    assert got["median_m"] < 12
    assert got["hit90_share"] > 0.8
    assert got["vs_hottest_manhole"] == pytest.approx(
        table["hottest_m"].median() / table["error_m"].median()
    )
    assert got["vs_hottest_manhole"] > 1.2
