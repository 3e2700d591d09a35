"""The eight declarations that ship: complete, sourced, consistent."""

from pathlib import Path

import pytest

from lifeline_kit import lifelines
from lifeline_kit.checkup.scores import DIMENSIONS
from lifeline_kit.coupling import COUPLINGS
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.lifeline import LIMIT_TESTS, Lifeline
from lifeline_kit.vocabulary import QUANTITIES

FOLDER = Path(lifelines.__file__).parent
each = pytest.mark.parametrize("lifeline", ALL, ids=lambda one: one.key)


def test_the_registry_equals_the_files() -> None:
    keys = {one.key for one in ALL}
    assert len(keys) == len(ALL) == 8
    rooms = {folder.parent for folder in FOLDER.glob("*/__init__.py")}
    single = {file.stem for file in FOLDER.glob("*.py")} - {"__init__"}
    assert keys == single | {room.name for room in rooms}
    assert not single & {room.name for room in rooms}
    rules = {file.stem for file in FOLDER.glob("*.toml")}
    assert keys == rules | {room.name for room in rooms if (room / f"{room.name}.toml").is_file()}


def test_weights_share_one_city() -> None:
    assert all(one.weight > 0 for one in ALL)
    assert sum(one.weight for one in ALL) <= 1.0  # renormalised over what is there


def test_rule_keys_are_unique_and_say_whose_they_are() -> None:
    keys = [rule.key for one in ALL for rule in one.rules]
    assert len(keys) == len(set(keys))


@each
def test_entries_are_unique_and_sourced(lifeline: Lifeline) -> None:
    for keys in (
        [kind.key for kind in lifeline.kinds],
        [measure.quantity for measure in lifeline.measures],
    ):
        assert len(keys) == len(set(keys))
    for entry in (*lifeline.measures, *lifeline.rules, *lifeline.conditions):
        assert str(entry.source).strip(), entry
    for rule in lifeline.rules:
        assert rule.key.startswith(f"{lifeline.key}.")
        assert rule.title.zh
        assert rule.title.en
        assert rule.group


@each
def test_declarations_refer_to_what_is_declared(lifeline: Lifeline) -> None:
    kinds = {kind.key for kind in lifeline.kinds}
    for rule in lifeline.rules:
        assert rule.quantity in QUANTITIES
        assert lifeline.measure(rule.quantity), f"{rule.key}: no quality limits for its quantity"
        assert set(rule.kinds) <= kinds
        assert rule.relative_to in {None, "limit_low", "limit_high", "range_max"}
    claimed = [kind for condition in lifeline.conditions for kind in condition.kinds]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= kinds


@each
def test_limits_are_in_order(lifeline: Lifeline) -> None:
    for measure in lifeline.measures:
        assert measure.fail[0] <= measure.suspect[0] < measure.suspect[1] <= measure.fail[1]
        assert measure.interval_s > 0
        for limit in (measure.spike, measure.rate_per_h, measure.flat_h):
            assert limit is None or limit > 0
    for condition in lifeline.conditions:
        assert condition.rate > 0
        assert min(condition.life_years.values()) > 0
        assert condition.load_exponent >= 0
        assert condition.load_typical > 0
    assert all(0 <= kind.importance <= 1 for kind in lifeline.kinds)


@each
def test_unvalidated_models_say_so(lifeline: Lifeline) -> None:
    for condition in lifeline.conditions:
        assert condition.validated or "unvalidated" in str(condition.source)


@each
def test_indicators_are_known_dimensions(lifeline: Lifeline) -> None:
    assert set(lifeline.indicators) <= {*DIMENSIONS, "response"}
    assert sum(lifeline.indicators.values()) == pytest.approx(1.0)


def test_couplings_refer_to_rules_lifelines_and_kinds_that_exist() -> None:
    rules = {rule.key for one in ALL for rule in one.rules}
    by_key = {one.key: one for one in ALL}
    for coupling in COUPLINGS:
        assert set(coupling.rules) <= rules
        kinds = {kind.key for key in coupling.lifelines for kind in by_key[key].kinds}
        assert set(coupling.kinds) <= kinds
        assert coupling.distance_m > 0
        assert 0 < coupling.share <= 1
        assert coupling.source


@each
def test_a_grave_limit_that_stands_is_told_again(lifeline: Lifeline) -> None:
    for rule in lifeline.rules:
        grave = min(rule.levels) <= 2 and rule.test in LIMIT_TESTS
        assert (rule.realarm_min > 0) == grave, rule.key


def test_rain_is_graded_as_the_weather_service_signals_it() -> None:
    (drainage,) = (one for one in ALL if one.key == "drainage")
    signals = {
        (rule.window_h, level): limit
        for rule in drainage.rules
        if rule.test == "sum"
        for level, limit in rule.levels.items()
    }
    assert signals == {(12.0, 4): 50.0, (6.0, 3): 50.0, (3.0, 2): 50.0, (3.0, 1): 100.0}
