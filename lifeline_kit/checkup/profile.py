"""The numbers behind scores, grades and colours, read from `profile.toml`."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from lifeline_kit.checkup.weights import Weighting, load_weighting
from lifeline_kit.errors import RulesError
from lifeline_kit.model.city import City

WEIGHTS = "weights.toml"
"""File of a city folder: how this centre weighs lifelines, written as the shipped one."""
_RISK = ("red", "orange", "yellow", "wear_full", "people_full", "area_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Check-up profile; see `profile.toml` for units and sources."""

    version: str
    grades: tuple[tuple[str, float], ...]
    minimum_completeness: float
    deduction_per_severity: float
    deduction_more: float
    window_days: int
    better_than_worst_grades: int
    red_warning_grade: str
    red: float
    orange: float
    yellow: float
    wear_full: float
    people_full: float
    area_share: float
    weighting: Weighting

    def grade(self, score: float) -> str:
        """Letter of a score; empty for an unknown one."""
        return next((letter for letter, cut in self.grades if score >= cut), "")

    def ceiling(self, letter: str) -> float:
        """Return the highest score that still has this grade."""
        letters = [each for each, _ in self.grades]
        index = letters.index(letter)
        return 100.0 if index == 0 else self.grades[index - 1][1] - 0.1


def load_profile(path: Path | None = None) -> Profile:
    """Read a check-up profile, by default the shipped one, with the shipped weights.

    Other weights: ``dataclasses.replace(profile, weighting=load_weighting(path))``.

    Raises
    ------
    RulesError
    """
    path = path or Path(__file__).with_name("profile.toml")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        grades = {key: cut for key, cut in data["grades"].items() if len(key) == 1}
        ordered = tuple(sorted(grades.items(), key=lambda item: -item[1]))
        scores, cap, risk = data["scores"], data["cap"], data["risk"]
        profile = Profile(
            version=str(data["version"]),
            grades=ordered,
            minimum_completeness=scores["minimum_completeness"],
            deduction_per_severity=scores["deduction_per_severity"],
            deduction_more=scores["deduction_more"],
            window_days=scores["window_days"],
            better_than_worst_grades=cap["better_than_worst_grades"],
            red_warning_grade=cap["red_warning_grade"],
            **{key: risk[key] for key in _RISK},
            weighting=load_weighting(),
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise RulesError(
            f"{path.name}: {error} is missing or unreadable; compare with the shipped profile."
        ) from error
    if not profile.red > profile.orange > profile.yellow > 0:
        raise RulesError(f"{path.name}: expected red > orange > yellow > 0 under [risk].")
    return profile


def city_profile(city: City) -> Profile:
    """Read the shipped profile with the weights of a city's own `weights.toml`, where it has one.

    Raises
    ------
    RulesError
        Where the city's judgements are not reciprocal, not above zero, or contradict one another.
    """
    profile = load_profile()
    file = None if city.path is None else city.path / WEIGHTS
    if file is None or not file.exists():
        return profile
    return replace(profile, weighting=load_weighting(file))
