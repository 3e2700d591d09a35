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
from lifeline_kit.text import Text
from lifeline_kit.units import canonical
from lifeline_kit.vocabulary import quantity as quantity_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from lifeline_kit.model.city import City

LEVELS = {"IV": 4, "III": 3, "II": 2, "I": 1}
Entry = TypeVar("Entry")
Test = Literal["above", "below", "rise", "forecast", "residual", "night", "shift"]
LIMIT_TESTS = frozenset({"above", "below", "rise"})  # a device crossed a limit: an alarm


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
        sensors share; `shift` of the daily median against the first days.
    levels : mapping of level (1-4) to limit [canonical unit or sigma]
        With `relative_to`, fractions of that column of the sensor (its design limit).
    floor : float [canonical unit]
        `residual` only: smaller deviations never count, however many sigma.
    on_delay_min, off_delay_min : float [min]
        How long a limit must be crossed, or left, before the state changes.
    deadband : float
        Share of the limit that must be regained.
    realarm_min : float [min]
        An alarm that stands for so long is announced again; 0: once.
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
        TOML with `[lifeline]`, `[[kinds]]`, `[[measures]]`, `[[rules]]`, `[[conditions]]`.
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
    limits = [levels[level] for level in sorted(levels, reverse=True)]
    falling = entry["test"] == "below"
    if entry["test"] not in get_args(Test) or limits != sorted(limits, reverse=falling):
        raise ValueError("test or order of levels")
    unit = entry["unit"]
    plain = (
        entry["test"] in {"above", "below", "rise", "forecast", "shift"}
        and "relative_to" not in entry
    )
    if plain and canonical(unit) != quantity_of(entry["quantity"]).unit:
        raise ValueError(f"unit {unit} is not the canonical one")
    entry.setdefault("group", entry["key"])
    return Rule(title=Text(entry.pop("zh"), entry.pop("en")), levels=levels, **entry)


def _condition(entry: dict) -> Condition:
    condition = Condition(**_tupled(entry))
    if "" not in condition.life_years:
        raise ValueError('life_years needs "" for any other material')
    return condition
