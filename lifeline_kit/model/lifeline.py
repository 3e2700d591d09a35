"""What a lifeline declares: kinds of asset, measures with quality limits, rules, condition.

Everything but the diagnosis is data in a TOML file beside the lifeline's module; each limit
carries its unit, its source and whether somebody has read the clause (`verified`).
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import shapely

from lifeline_kit.errors import AssetsError, LifelineError, RulesError
from lifeline_kit.model.composites import LEVELS, Composite, composite_of
from lifeline_kit.text import Text
from lifeline_kit.units import canonical
from lifeline_kit.vocabulary import quantity as quantity_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from lifeline_kit.model.city import City

Entry = TypeVar("Entry")
Test = Literal[
    "above", "below", "rise", "forecast", "residual", "night", "shift", "offline", "persistence",
    "sum", "neighbour",
]  # fmt: skip
# What these find is an alarm: a device crossed a limit. What the others see is a finding.
LIMIT_TESTS = frozenset({"above", "below", "rise", "sum", "persistence", "neighbour", "offline"})
IN_SIGMA = frozenset({"residual", "night", "neighbour"})
# How long a rule keeps quiet at a sensor before its next alarm, where it does not say so itself
# [min]: 300 s for a threshold, 600 s for a rate and 3600 s for silence, as a public monitoring
# platform has them (practice note 4.5); an hour for the rest is a project default.
COOLDOWN_MIN = dict.fromkeys(LIMIT_TESTS, 5.0) | {"rise": 10.0, "offline": 60.0}
_COOLDOWN_ELSE_MIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of asset. `importance` 0-1 enters the consequence side of risk."""

    key: str
    title: Text
    geometry: Literal["line", "point", "polygon"]
    importance: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a lifeline expects of one measured quantity, for quality control.

    Attributes
    ----------
    fail, suspect : (low, high) [canonical unit of the quantity]
        Values outside are flagged fail, or suspect.
    spike : float [canonical unit]
        Height over both neighbours that makes a value suspect.
    rate_per_h : float [canonical unit per hour]
    flat_h : float [h]
        Unchanged for so long: suspect.
    attenuated_h, attenuated_range : float [h], [canonical unit]
        Moved by less than the range for so long: the signal is attenuated, suspect.
    interval_s : float [s]
        Expected sampling interval; three of them make a gap.
    required : bool
        Counts in the completeness of the lifeline.
    """

    quantity: str
    fail: tuple[float, float]
    suspect: tuple[float, float]
    interval_s: float
    source: str
    spike: float | None = None
    rate_per_h: float | None = None
    flat_h: float | None = None
    attenuated_h: float | None = None
    attenuated_range: float | None = None
    required: bool = True
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit or rate rule, graded.

    Attributes
    ----------
    test : str
        `above`/`below` a level; `rise` within `window_h`; `forecast`: the level that will be
        reached in `horizon_h` at the rise of the last `window_h`; `residual` from the usual value
        of that time of day, or of the minimum `night` flow, in robust sigma and free of what all
        sensors share; `shift` of the daily median against the first days; `offline`: silent for
        so many of its expected intervals (about the sensor: level IV alone, never a warning);
        `persistence`: a level crossed for `for_min` in all within `window_h`, or at `times` of the
        last `of` readings, returns in between allowed; `sum` of a rate over the last `window_h`;
        `neighbour`: away from the median of at least three sensors of its like within `reach_m`,
        in robust sigma.
    levels : mapping of level (1-4) to limit [canonical unit or sigma]
        With `relative_to`, fractions of that column of the sensor (its design limit).
    floor : float [canonical unit]
        `residual` and `night`: smaller deviations never count, however many sigma; `neighbour`:
        the smallest sigma.
    on_delay_min, off_delay_min : float [min]
        How long a limit must be crossed, or left, before the state changes; an entry without an
        off-delay takes the cooldown of its test.
    deadband : float
        Share of the limit that must be regained.
    realarm_min : float [min]
        An alarm that stands for so long is announced again; 0: once. Never less than the
        cooldown of the test.
    only, but : frozenset of str
        Assets that the rule is for, empty for all; assets that have another in its place.
    group, merge_m : str, float [m]
        Findings of one group, near one another in time and place, make one warning.
    """

    key: str
    title: Text
    quantity: str
    test: Test
    levels: Mapping[int, float]
    source: str
    kinds: tuple[str, ...] = ()
    relative_to: str | None = None
    window_h: float = 1.0
    horizon_h: float = 1.0
    for_min: float = 0.0
    times: int = 0
    of: int = 0
    reach_m: float = 0.0
    floor: float = 0.0
    sign: Literal["both", "up", "down"] = "both"
    on_delay_min: float = 0.0
    off_delay_min: float = 60.0
    deadband: float = 0.0
    realarm_min: float = 0.0
    group: str = ""
    merge_m: float = 0.0
    source_zh: str = ""
    unit: str = ""
    verified: bool = False
    only: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Expert condition model on asset attributes: monotone in age and in load, not fitted.

    Yearly failure probability of a link is ``1 - exp(-rate * km * exp(age / life) *
    (load / load_typical) ** load_exponent)``; of a point asset the same without the kilometres.
    """

    kinds: tuple[str, ...]
    rate: float  # failures per km (links) or per asset (points) and year when new
    life_years: Mapping[str, float]  # by material; "" for any other
    source: str
    load: str | None = None  # column that loads the asset
    load_typical: float = 1.0
    load_exponent: float = 0.5
    validated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifeline:
    """One lifeline: declared data plus one pure diagnosis.

    `diagnose(lifeline, city, at)` takes a city whose readings carry flags and returns findings;
    `judge(city, findings, at)`, where there is one, gathers what it takes to decide on those that
    are open (`model.tables.CASE_COLUMNS`).
    """

    key: str
    title: Text
    weight: float
    kinds: tuple[Kind, ...]
    measures: tuple[Measure, ...]
    rules: tuple[Rule, ...]
    conditions: tuple[Condition, ...]
    diagnose: "Callable[[Lifeline, City, pd.Timestamp], pd.DataFrame]"
    judge: "Callable[[City, pd.DataFrame, pd.Timestamp], pd.DataFrame] | None" = None
    version: str = "1"
    composites: tuple[Composite, ...] = ()
    indicators: Mapping[str, float] = field(default_factory=dict)

    def kind(self, key: str) -> Kind | None:
        """Return the declared kind, or None."""
        return next((kind for kind in self.kinds if kind.key == key), None)

    def measure(self, quantity: str) -> Measure | None:
        """Return the measure of a quantity, or None."""
        return next((each for each in self.measures if each.quantity == quantity), None)


_DIMENSION = {"point": 0, "line": 1, "polygon": 2}


def check_kinds(assets: "gpd.GeoDataFrame", lifelines: "Iterable[Lifeline]") -> None:
    """Check that every asset is of a declared lifeline and kind, drawn as that kind is drawn.

    Raises
    ------
    AssetsError
        Naming the first asset that is not.
    """
    known = {(each.key, kind.key): kind for each in lifelines for kind in each.kinds}
    dimension = shapely.get_dimensions(assets.geometry.to_numpy())
    pairs = list(zip(assets["lifeline"], assets["kind"], strict=True))
    for asset, pair, drawn in zip(assets.index, pairs, dimension, strict=True):
        if pair not in known:
            expected = ", ".join(kind for lifeline, kind in known if lifeline == pair[0])
            raise AssetsError(
                f"asset {asset!r} is a {pair[1]!r} of {pair[0]!r}; expected "
                f"{expected or 'a lifeline of ' + ', '.join(sorted({key for key, _ in known}))}; "
                "mend the columns 'lifeline' and 'kind', or give them in the mapping file."
            )
        wanted = known[pair].geometry
        if drawn not in {-1, _DIMENSION[wanted]}:
            kind = assets.geometry[asset].geom_type
            raise AssetsError(
                f"asset {asset!r} is a {pair[1]} of {pair[0]} and drawn as {kind}; "
                f"expected a {wanted}; use the layer that holds {wanted}s."
            )


def load_lifeline(
    path: Path,
    diagnose: "Callable[[Lifeline, City, pd.Timestamp], pd.DataFrame]",
    judge: "Callable[[City, pd.DataFrame, pd.Timestamp], pd.DataFrame] | None" = None,
) -> Lifeline:
    """Read a lifeline's declaration.

    Parameters
    ----------
    path : Path
        TOML with `[lifeline]`, `[[kinds]]`, `[[measures]]`, `[[rules]]`, `[[conditions]]`;
        `[[composites]]` where there are any.
    diagnose : callable
    judge : callable, optional

    Raises
    ------
    RulesError
        Names file and entry where a key is missing, a quantity or unit unknown, or levels do not
        grow with urgency.
    """
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
        head = data["lifeline"]
        return Lifeline(
            key=head["key"],
            title=Text(head["zh"], head["en"]),
            weight=float(head["weight"]),
            version=str(head["version"]),
            indicators=dict(head["indicators"]),
            kinds=_entries(data, "kinds", _kind),
            measures=_entries(data, "measures", _measure),
            rules=_entries(data, "rules", rule_of),
            conditions=_entries(data, "conditions", _condition),
            composites=_entries({"composites": [], **data}, "composites", composite_of),
            diagnose=diagnose,
            judge=judge,
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RulesError(
            f"{path.name}: {error!s} is missing or not of the expected form; "
            "compare with the declaration of another lifeline."
        ) from error


def _entries(data: dict, section: str, build: Callable[[dict], Entry]) -> tuple[Entry, ...]:
    """Build the entries of a section; an error names the one that is at fault."""
    built = []
    for entry in data[section]:
        name = entry.get("key") or entry.get("quantity") or entry.get("kinds")
        try:
            built.append(build(entry))
        except (KeyError, TypeError, ValueError, LifelineError) as error:
            raise ValueError(f"[[{section}]] {name}: {error!s}") from error
    return tuple(built)


def _tupled(entry: Mapping[str, object]) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _kind(entry: dict) -> Kind:
    entry = dict(entry)
    return Kind(title=Text(entry.pop("zh"), entry.pop("en")), **entry)


def _measure(entry: dict) -> Measure:
    entry = _tupled(entry)
    unit = entry.pop("unit")
    if canonical(unit) != quantity_of(entry["quantity"]).unit:
        raise ValueError(f"unit {unit} is not the canonical one")
    return Measure(**entry)


def rule_of(entry: dict) -> Rule:
    """Build a rule from an entry of TOML.

    Raises
    ------
    KeyError, TypeError, ValueError, LifelineError
        Where something is missing, an unknown key, quantity or unit, or levels out of order.
    """
    entry = _tupled(entry)
    quantity_of(entry["quantity"])
    levels = {LEVELS[name]: float(limit) for name, limit in entry.pop("levels").items()}
    entry.setdefault("group", entry["key"])
    entry.setdefault("off_delay_min", cooldown(entry["test"]))
    rule = Rule(title=Text(entry.pop("zh"), entry.pop("en")), levels=levels, **entry)
    if rule.test not in get_args(Test):
        raise ValueError(f"test or order of levels; tests are {', '.join(get_args(Test))}")
    check_levels(rule, levels)
    _check_unit(rule)
    _check_settings(rule)
    return rule


def cooldown(test: str) -> float:
    """Shortest time between two alarms of one rule at one sensor [min]."""
    return COOLDOWN_MIN.get(test, _COOLDOWN_ELSE_MIN)


def falls(rule: Rule) -> bool:
    """Whether a lower value is worse."""
    return rule.test == "below" or (rule.test == "persistence" and rule.sign == "down")


def check_levels(rule: Rule, levels: Mapping[int, float]) -> None:
    """Check that limits suit the test of a rule.

    Raises
    ------
    ValueError
        Where they do not grow graver from IV to I, or a silence is graver than IV.
    """
    limits = [levels[level] for level in sorted(levels, reverse=True)]
    if not limits or limits != sorted(limits, reverse=falls(rule)):
        raise ValueError("test or order of levels: they must grow graver from IV to I")
    if rule.test == "offline" and (set(levels) != {4} or limits[0] < 1.0):
        raise ValueError(
            "a silent sensor says nothing of the medium: expected levels = { IV = intervals }, "
            "one or more, and no graver level"
        )


def _check_unit(rule: Rule) -> None:
    own = quantity_of(rule.quantity).unit
    if rule.test == "offline":
        if rule.unit != "interval":
            raise ValueError(f"unit {rule.unit!r}: a silence is counted in 'interval'")
    elif rule.test == "sum":
        if not own.endswith("/h"):
            raise ValueError(f"sum needs a quantity per hour; {rule.quantity} is in {own}")
        if canonical(rule.unit) != own.removesuffix("/h"):
            raise ValueError(f"unit {rule.unit} is not {own.removesuffix('/h')}: {own} summed up")
    elif rule.test == "neighbour":
        if rule.unit != "sigma":
            raise ValueError(f"unit {rule.unit!r}: neighbour is graded in 'sigma'")
    elif rule.test not in IN_SIGMA and not rule.relative_to and canonical(rule.unit) != own:
        raise ValueError(f"unit {rule.unit} is not the canonical one")


def _check_settings(rule: Rule) -> None:
    if rule.test in {"sum", "persistence"} and not rule.window_h > 0:
        raise ValueError(f"window_h is {rule.window_h}; expected hours above zero")
    if rule.times or rule.of:
        if rule.test != "persistence" or rule.for_min or not 1 <= rule.times <= rule.of:
            raise ValueError(
                f"times is {rule.times} and of {rule.of}; persistence takes either so many of the "
                "last readings, from 1 up to all of them, or for_min, and no other test does"
            )
    elif rule.test == "persistence" and not 0 < rule.for_min <= 60 * rule.window_h:
        raise ValueError(
            f"for_min is {rule.for_min:g}; expected minutes above zero, at most the window of "
            f"{60 * rule.window_h:g}; or times and of"
        )
    if 0 < rule.realarm_min < cooldown(rule.test):
        raise ValueError(
            f"realarm_min is {rule.realarm_min:g}; {rule.test} keeps quiet for "
            f"{cooldown(rule.test):g} min: expected that or more, or 0 for once"
        )
    if rule.test == "neighbour" and not (rule.reach_m > 0 and rule.floor > 0):
        raise ValueError(
            f"reach_m is {rule.reach_m:g} and floor {rule.floor:g}; neighbour needs both above zero"
        )
    if rule.test in {"offline", "neighbour", "sum"} and rule.relative_to:
        raise ValueError(f"{rule.test} knows no relative_to; give limits of its own")


def _condition(entry: dict) -> Condition:
    condition = Condition(**_tupled(entry))
    if "" not in condition.life_years:
        raise ValueError('life_years needs "" for any other material')
    return condition
