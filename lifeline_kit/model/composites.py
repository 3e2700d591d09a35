"""Composite conditions: what several findings, or a finding and its surroundings, mean together.

Grading tables have conditions that no single reading decides: a leak next to a school, two
parameters of water quality at once. Such a condition is data beside the rules. What the tables of
a city cannot decide stays declared, with what it waits for; it is never guessed.
"""

from dataclasses import dataclass

from lifeline_kit.text import Text

LEVELS = {"IV": 4, "III": 3, "II": 2, "I": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """One condition on findings that are open at once.

    Attributes
    ----------
    level : int
        1 (I) to 4 (IV) of the finding it makes; its warnings join those of the first rule.
    rules : tuple of str
        Findings of these rules take part.
    graver_than : int
        Only findings of at least this level take part.
    least_probability : float
        Only findings that state at least this probability take part; 0: all.
    targets, beside : tuple of str
        Kinds of assets (`supplies.school`), or rules with an open finding, of which one lies
        within `within_m`.
    within_m : float [m]
        Also between the findings that take part; 0: at one asset.
    same : str
        Column of the assets in which all that take part agree.
    assets, distinct, districts : int
        So many different assets, rules or districts must take part.
    people : float
        At least so many people at one asset.
    needs : Text or None
        What the condition waits for; with it, it is declared and not decided.
    """

    key: str
    title: Text
    level: int
    source: str
    source_zh: str = ""
    verified: bool = False
    rules: tuple[str, ...] = ()
    graver_than: int = 4
    least_probability: float = 0.0
    targets: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    within_m: float = 0.0
    same: str = ""
    assets: int = 1
    distinct: int = 1
    districts: int = 1
    people: float = 0.0
    needs: Text | None = None


def composite_of(entry: dict) -> Composite:
    """Build a composite from an entry of TOML.

    Raises
    ------
    KeyError, TypeError, ValueError
        Where something is missing or unknown, or nothing is asked beyond the rules themselves.
    """
    entry = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    entry["level"] = LEVELS[entry["level"]]
    if "graver_than" in entry:
        entry["graver_than"] = LEVELS[entry["graver_than"]]
    title = Text(entry.pop("zh"), entry.pop("en"))
    needs = Text(entry.pop("needs_zh"), entry.pop("needs")) if "needs" in entry else None
    composite = Composite(title=title, needs=needs, **entry)
    if composite.needs is not None:
        return composite
    if not composite.rules:
        raise ValueError("it has no rules; name some, or say what it needs")
    if (composite.targets or composite.beside) and not composite.within_m > 0:
        raise ValueError("targets and beside need within_m above zero")
    counts = max(composite.assets, composite.distinct, composite.districts) > 1
    if not (
        counts
        or composite.targets
        or composite.beside
        or composite.people > 0
        or composite.least_probability > 0
    ):
        raise ValueError(
            "it asks nothing beyond its rules; expected targets, beside, assets, distinct, "
            "districts, people or least_probability"
        )
    return composite
