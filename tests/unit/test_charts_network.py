"""The drawing of a solved network."""

import numpy as np
import pytest
from bokeh.models import ColorBar, GlyphRenderer, Segment

from lifeline_kit.charts.network import network_chart
from lifeline_kit.errors import InputError
from lifeline_kit.methods.hydraulics import Network, pipes

XY = np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 50.0]])


@pytest.fixture
def network() -> Network:
    return pipes(
        np.array([0, 1]),
        np.array([1, 2]),
        length_m=100.0,
        diameter_m=0.1,
        roughness_m=1e-4,
        sources=np.array([0]),
        source_pa=2e5,
    )


def drawn(chart: object) -> dict:
    (segments,) = [each for each in chart.select(GlyphRenderer) if isinstance(each.glyph, Segment)]
    return segments.data_source.data


def test_a_link_takes_the_mean_of_its_ends_and_keeps_its_place(network: Network) -> None:
    chart = network_chart(network, XY, np.array([1.0, 3.0, 7.0]), unit="kPa", title="p")
    data = drawn(chart)
    assert data["value"].tolist() == [2.0, 5.0]
    assert (data["x1"].tolist(), data["y1"].tolist()) == ([100.0, 100.0], [0.0, 50.0])
    (bar,) = chart.select(ColorBar)
    assert (bar.color_mapper.low, bar.color_mapper.high, bar.title) == (2.0, 5.0, "kPa")


def test_unknown_values_are_drawn_and_do_not_set_the_scale(network: Network) -> None:
    chart = network_chart(network, XY, np.array([np.nan, 4.0]), unit="kg/s")
    (bar,) = chart.select(ColorBar)
    assert bar.color_mapper.low == 4.0 < bar.color_mapper.high
    assert len(drawn(chart)["value"]) == 2


def test_marks_name_their_groups_and_empty_ones_are_passed_over(network: Network) -> None:
    marks = {"station": 0, "nothing": np.zeros(0, dtype=int), "gauges": np.array([1, 2])}
    chart = network_chart(network, XY, np.ones(3), unit="", marks=marks)
    assert [item.label.value for item in chart.legend[0].items] == ["station", "gauges"]


def test_several_cases_at_once_are_refused(network: Network) -> None:
    with pytest.raises(InputError, match=r"shape \(2, 3\); expected one for each of 3 nodes"):
        network_chart(network, XY, np.ones((2, 3)), unit="kPa")
