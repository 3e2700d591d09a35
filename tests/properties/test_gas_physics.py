"""Laws that hold whatever is drawn: the box in pieces, blast in distance and mass, coverage."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lifeline_kit.methods.blast import multi_energy_kpa, orifice_rate_kg_s, tnt_overpressure_kpa
from lifeline_kit.methods.box import box_level
from lifeline_kit.methods.shrinkage import shrunk_rates

quick = settings(max_examples=40, deadline=None)
small = st.floats(0.01, 3.0)


@quick
@given(st.lists(st.tuples(small, small, small), min_size=4, max_size=30), st.data())
def test_a_box_in_pieces_is_the_box(rows, data):
    step, source, exchange = np.array(rows).T
    time = np.cumsum(step)
    whole = box_level(time, source, exchange, start=0.7)
    cut = data.draw(st.integers(1, len(rows) - 1))
    first = box_level(time[:cut], source[:cut], exchange[:cut], start=0.7)
    rest = box_level(time[cut - 1 :], source[cut - 1 :], exchange[cut - 1 :], start=first[-1])
    np.testing.assert_allclose(np.concatenate([first, rest[1:]]), whole, rtol=1e-10)
    assert (whole <= max(0.7, (source / exchange).max()) + 1e-9).all()
    assert (whole > 0).all()


@quick
@given(st.floats(0.5, 500.0), st.floats(0.1, 500.0), st.integers(1, 10))
def test_blast_fades_with_distance_and_grows_with_the_charge(metres, charge, strength):
    # the published polynomials are not strictly monotone where two of them meet
    assert tnt_overpressure_kpa(1.05 * metres, charge) <= tnt_overpressure_kpa(metres, charge)
    assert tnt_overpressure_kpa(metres, 1.2 * charge) >= tnt_overpressure_kpa(metres, charge)
    near, far = (multi_energy_kpa(r, charge, strength) for r in (metres, 2.0 * metres))
    assert far <= near


@quick
@given(st.floats(0.1, 50.0), st.floats(0.0, 2000.0), st.floats(0.1, 500.0))
def test_a_hole_lets_more_out_under_more_pressure(hole, pressure, more):
    low, high = orifice_rate_kg_s(hole, pressure), orifice_rate_kg_s(hole, pressure + more)
    assert 0 <= low < high
    assert np.isclose(orifice_rate_kg_s(2.0 * hole, pressure), 4.0 * low)


@quick
@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0.01, 1.0)), min_size=2, max_size=40))
def test_a_shrunk_rate_lies_between_its_record_and_what_was_expected(rows):
    events, expected = np.array(rows, dtype=float).T
    found = shrunk_rates(events, np.full(events.size, 5.0), expected)
    ends = np.sort(np.stack([events / 5.0, expected * found.scale]), axis=0)
    assert (found.rate >= ends[0] - 1e-9).all()
    assert (found.rate <= ends[1] + 1e-9).all()
    assert (found.low <= found.high).all()
