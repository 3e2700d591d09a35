"""Grey boxes of buildings: exact steps, fit, hours left, and who is ranked first."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from lifeline_kit.bench.cold_homes import draw_street, outcome
from lifeline_kit.errors import InputError
from lifeline_kit.io.destest import read_destest_building
from lifeline_kit.lifelines.heating.homes import (
    Home,
    cold_homes,
    fit_home,
    hours_left,
    pipe_freeze_hours,
    settings,
    unmeasured_home,
    usual_building,
)
from lifeline_kit.methods.buildings import (
    Drive,
    GreyBox,
    continuous,
    filtered_state,
    fit_building,
    free_run,
    hours_until,
    radiated,
)


def still(hours: int, *, outdoor: float = -5.0, heat: float = 0.0, step_h: float = 1.0) -> Drive:
    n = round(hours / step_h)
    return Drive(
        hour=(np.arange(n) + 0.5) * step_h % 24,
        heat=np.full(n, heat),
        outdoor=np.full(n, outdoor),
        sun=np.zeros(n),
        step_h=step_h,
    )


def test_one_store_cools_as_an_exponential():
    box = GreyBox(room_kwh_k=5.0, loss_kw_k=0.1, order=1)
    run = free_run(box, np.array([20.0]), still(100))[:, 0]
    expected = -5.0 + 25.0 * np.exp(-np.arange(101) / 50.0)
    np.testing.assert_allclose(run, expected, rtol=1e-12)
    assert box.time_constant_h == pytest.approx(50.0)
    # ln(25 / 23) * 50 h
    assert hours_until(run, 18.0) == pytest.approx(50.0 * np.log(25.0 / 23.0), abs=0.02)


def test_two_stores_equal_an_ode_solver_and_do_not_depend_on_the_step():
    box = GreyBox(
        room_kwh_k=1.0,
        fabric_kwh_k=8.0,
        coupling_k_kw=0.8,
        loss_kw_k=0.12,
        fabric_loss_kw_k=0.06,
        aperture_m2=3.0,
        gain_kw=0.4,
    )
    matrix, inputs = continuous(box)
    push = inputs @ [-5.0, 6.0, 0.2, 0.4]
    exact = solve_ivp(lambda _, x: matrix @ x + push, (0, 48), [20.0, 17.0], rtol=1e-9, atol=1e-9)
    for step in (1.0, 0.25):
        drive = replace(still(48, heat=6.0, step_h=step), sun=np.full(round(48 / step), 0.2))
        np.testing.assert_allclose(
            free_run(box, np.array([20.0, 17.0]), drive)[-1], exact.y[:, -1], atol=1e-5
        )
    # in the long run heat and gains equal the losses
    rest = -np.linalg.solve(matrix, inputs @ [-5.0, 0.0, 0.0, 0.0])
    assert rest == pytest.approx([-5.0, -5.0])
    warm = np.linalg.solve(-matrix, inputs @ [0.0, 1.0 / 0.6, 0.0, 0.0])[0]
    assert warm > 1.0 / box.total_loss_kw_k > 0


def test_hours_until_is_straight_between_readings_and_infinite_where_never():
    falling = np.array([20.0, 19.0, 17.0])
    assert hours_until(falling, 18.0) == pytest.approx(1.5)
    assert hours_until(falling, 18.0, step_h=0.25) == pytest.approx(0.375)
    assert hours_until(falling, 25.0) == 0.0
    assert hours_until(falling, 10.0) == np.inf


def test_radiators_give_late_what_the_meter_shows():
    out = radiated(np.array([2.0, 2.0, 0.0, 0.0]), step_h=0.5, lag_h=0.5)
    keep = np.exp(-1.0)
    assert out == pytest.approx([2.0, 2.0, 2.0 * keep, 2.0 * keep**2])


def _readings(box: GreyBox, days: int, seed: int) -> tuple[np.ndarray, Drive]:
    """Run a building under a set-back schedule, with 0.1 K of sensor noise."""
    rng = np.random.default_rng(seed)
    n = days * 24
    hour = np.arange(n) % 24 + 0.5
    drive = Drive(
        hour=hour,
        heat=np.where((hour > 6) & (hour < 21), 6.0, 2.5) + rng.normal(0, 1.0, n),
        outdoor=-3.0 + 4.0 * np.sin(np.arange(n) / 17.0),
        sun=np.zeros(n),
    )
    room = free_run(box, np.array([20.0, 18.0]), drive)[:-1, 0]
    return room + 0.1 * rng.standard_normal(n), drive


def test_a_fit_finds_the_loss_and_predicts_freely():
    prior = usual_building(120.0, "1986_2000", sun=False)
    true = replace(prior, loss_kw_k=1.6 * prior.loss_kw_k, gain_kw=0.9)
    room, drive = _readings(true, 21, 1)
    room[100:130] = np.nan
    fit = fit_building(room, drive, prior=prior, log_sigma=settings()["log_sigma"])
    assert fit.box.total_loss_kw_k == pytest.approx(true.total_loss_kw_k, rel=0.05)
    state = filtered_state(fit.box, room, drive, noise_k=fit.noise_k)
    cold = still(24, outdoor=-8.0)
    end = filtered_state(true, room, drive)
    assert state[0] == pytest.approx(end[0], abs=0.3)
    assert free_run(fit.box, state, cold)[-1, 0] == pytest.approx(
        free_run(true, end, cold)[-1, 0], abs=0.7
    )
    assert (np.linalg.eigvalsh(fit.covariance) > 0).all()


def test_too_few_readings_and_wrong_shapes_are_refused():
    prior, drive = usual_building(100.0), still(200, heat=5.0)
    with pytest.raises(InputError, match="at least 72 h"):
        fit_building(
            np.where(np.arange(200) < 50, 20.0, np.nan),
            drive,
            prior=prior,
            log_sigma=settings()["log_sigma"],
        )
    with pytest.raises(InputError, match="give the same hours"):
        fit_building(np.full(90, 20.0), drive, prior=prior, log_sigma=settings()["log_sigma"])
    with pytest.raises(InputError, match="no room reading"):
        filtered_state(prior, np.full(200, np.nan), drive)
    with pytest.raises(InputError, match="age class 'new'"):
        usual_building(100.0, "new")
    with pytest.raises(InputError, match="above 0 m2"):
        usual_building(0.0)


def _home(name: str, age: str, vulnerable: float, people: float = 100.0) -> Home:
    return unmeasured_home(
        name,
        floor_m2=1000.0,
        age=age,
        room_c=20.5,
        outdoor_c=-5.0,
        people=people,
        vulnerable=vulnerable,
    )


def test_an_old_building_cools_first_and_the_interval_holds_the_likely_time():
    ahead = still(240, outdoor=-10.0)
    old, new = _home("old", "before_1986", 10.0), _home("new", "after_2012", 10.0)
    early, late = hours_left(old, ahead, 18.0), hours_left(new, ahead, 18.0)
    assert early[0] < late[0]
    for likely, low, high in (early, late):
        assert 0.0 < low < likely < high
    assert hours_left(old, ahead, 21.0) == (0.0, 0.0, 0.0)
    never = hours_left(new, still(48, outdoor=19.0), 18.0)
    assert never[0] == np.inf
    assert pipe_freeze_hours(old, ahead) < pipe_freeze_hours(new, ahead)


def test_the_vulnerable_in_the_coldest_homes_come_first():
    homes = [
        _home("new-many", "after_2012", 60.0),
        _home("old-few", "before_1986", 5.0),
        _home("old-many", "before_1986", 60.0),
    ]
    table = cold_homes(homes, still(240, outdoor=-10.0), back_after_h=24.0)
    assert table.index[0] == "old-many"
    assert table["rank"].tolist() == [1, 2, 3]
    assert (table["cold_person_h"].diff().dropna() <= 0).all()
    first = table.loc["old-many"]
    # all are below 12 degC before the heat is back: two for each vulnerable, one for the others
    assert first["hours_12"] < 24.0
    assert first["blankets"] == 2 * 60 + 40
    # 2.1 W/m2K * 1000 m2 * 28 K less 4 kW of gains
    assert first["boiler_kw"] == pytest.approx(2.1 * 28.0 - 4.0, rel=0.01)
    warm = cold_homes(homes, still(240, outdoor=-10.0), back_after_h=0.1)
    assert (warm["blankets"] == 0).all()
    assert (warm["boiler_kw"] == 0).all()
    half = cold_homes(homes, still(240, outdoor=-10.0), back_after_h=24.0, heat_left=0.6)
    assert (half["hours_18"] >= table["hours_18"][half.index]).all()
    assert cold_homes([], still(24), back_after_h=5.0).empty
    with pytest.raises(InputError, match="share from 0 to 1"):
        cold_homes(homes, still(24), back_after_h=5.0, heat_left=60.0)


def test_a_generated_building_is_followed_through_five_free_days():
    street = draw_street(7, scoring=True)
    found = outcome(street, 0)
    assert float(np.sqrt(np.mean(found.free_k**2))) < 1.5
    assert found.early_h < found.likely_h <= found.late_h


def test_a_home_is_fitted_with_its_state():
    prior = usual_building(120.0, "1986_2000", sun=False)
    room, drive = _readings(replace(prior, gain_kw=0.5), 10, 3)
    home = fit_home("h", room, drive, floor_m2=120.0, age="1986_2000", people=4, vulnerable=1)
    assert home.state[0] == pytest.approx(np.nanmean(room[-3:]), abs=1.5)
    assert home.measured


def test_destest_is_read_in_kelvin_and_watt_alone(tmp_path):
    file = tmp_path / "b.csv.gz"
    table = pd.DataFrame(
        {
            "Datetime": [0, 600, 600, 1200],
            "Qheating_building_W": [5000.0, 4000.0, 4100.0, 3000.0],
            "Tair_dayzone_K": [293.15] * 4,
            "Tair_nightzone_K": [290.15] * 4,
        }
    )
    table.to_csv(file, index=False)
    read = read_destest_building(file)
    assert read["heat_kw"].tolist() == [5.0, 4.1, 3.0]
    assert read["day_c"].iloc[0] == pytest.approx(20.0)
    table.assign(Tair_dayzone_K=20.0).to_csv(file, index=False)
    with pytest.raises(InputError, match="expected kelvin"):
        read_destest_building(file)
    table.assign(Datetime=[0, 600, 300, 1200]).to_csv(file, index=False)
    with pytest.raises(InputError, match="increasing order; row 4"):
        read_destest_building(file)
    table.drop(columns="Tair_nightzone_K").to_csv(file, index=False)
    with pytest.raises(InputError, match="no column 'Tair_nightzone_K'"):
        read_destest_building(file)
