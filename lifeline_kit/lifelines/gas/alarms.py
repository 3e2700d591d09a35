"""Alarms of gas terminals: versioned profiles on the graded alarm, and terminals in question.

A terminal in doubt (flooded, stuck, over range, condensed over, opened) never alarms as gas and
never clears an alarm; it makes a device finding of its own.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from lifeline_kit.errors import InputError, UnitError
from lifeline_kit.methods import terminal_faults as faults
from lifeline_kit.methods.concentration import RISE, SOON, GradedAlarm, grade, quiet_state
from lifeline_kit.methods.terminal_faults import FaultLimits, terminal_faults
from lifeline_kit.text import Text
from lifeline_kit.units import Values, canonical, convert

LEVELS = {"IV": 4, "III": 3, "II": 2, "I": 1}
FAULT_TITLES = {
    faults.FLOODED: Text("终端被淹", "Terminal flooded"),
    faults.OFFLINE: Text("终端曾离线", "Terminal was offline"),
    faults.STUCK: Text("读数停滞", "Stuck value"),
    faults.OVER_RANGE: Text("超出量程", "Outside the span"),
    faults.CONDENSED: Text(
        "高湿且读数为零（进气口结露）", "Inlet condensed over: wet, reading zero"
    ),
    faults.SPIKE: Text("单点尖峰", "Spike of one reading"),
    faults.TAMPERED: Text("终端被撬动", "Terminal opened"),
    faults.BATTERY: Text("电量低", "Battery low"),
    faults.SIGNAL: Text("信号弱", "Signal weak"),
}
_WHY = {
    RISE: Text("浓度快速上升", "rising fast"),
    SOON: Text("按当前升速将达爆炸下限", "reaching the explosive limit at this rise"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmProfile:
    """One set of alarm levels.

    Attributes
    ----------
    key, version : str
    title : Text
    set_points : dict of level 1-4 to float [%VOL]
    sources : dict of level 1-4 to (source, verified)
    alarm : GradedAlarm
        In %VOL.
    """

    key: str
    version: str
    title: Text
    set_points: dict[int, float]
    sources: dict[int, tuple[str, bool]]
    alarm: GradedAlarm


@lru_cache(maxsize=1)
def told() -> dict:
    """Read `alarms.toml`: profiles, limits of faults, with source and `verified`."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def profile(name: str = "cn_default", *, file: Path | None = None) -> AlarmProfile:
    """Read an alarm profile: one of ours, or one of a file in the same form.

    Parameters
    ----------
    name : str
        `cn_default`, `us_gptc`, `tunnel_gb50838`, or a name in `file`.
    file : Path, optional
        TOML with `[profiles.NAME]`.

    Raises
    ------
    InputError, UnitError
        Where the profile is unknown, lacks a level or gives its unit wrongly.
    """
    data = told()
    if file is not None:
        try:
            data = data | tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"cannot read alarm profiles of {file}: {error}") from error
    known = data.get("profiles", {})
    if name not in known:
        raise InputError(f"alarm profile {name!r} is not known; expected {', '.join(known)}.")
    entry, full = known[name], float(data["lel"]["methane"])
    try:
        return _profile(name, entry, full)
    except KeyError as error:
        raise InputError(f"alarm profile {name!r} lacks {error}; see alarms.toml.") from error


def _profile(name: str, entry: Mapping, full: float) -> AlarmProfile:
    unit = entry["unit"]
    levels = {LEVELS[key]: entry["levels"][key] for key in LEVELS}
    points = {
        level: float(methane_in_vol(row["at"], unit, lel=full)) for level, row in levels.items()
    }
    rise, soon = entry["rise"], entry["soon"]
    alarm = GradedAlarm(
        set_points=(points[4], points[3], points[2], points[1]),
        full=full,
        k=entry["k"],
        n=entry["n"],
        clear_share=entry["clear_share"],
        hold_min=entry["hold_min"],
        rise_per_h=float(methane_in_vol(rise["per_h"], unit, lel=full)),
        rise_least=float(methane_in_vol(rise["least"], unit, lel=full)),
        rise_usual=rise["usual"],
        rise_window_min=rise["window_min"],
        rise_level=LEVELS[rise["level"]],
        soon_level=LEVELS[soon["level"]],
        soon_h=soon["within_h"],
    )
    return AlarmProfile(
        key=name,
        version=entry["version"],
        title=Text(entry["zh"], entry["en"]),
        set_points=points,
        sources={level: (row["source"], row["verified"]) for level, row in levels.items()},
        alarm=alarm,
    )


def methane_in_vol(value: Values, unit: str | None, *, lel: float = 5.0) -> Values:
    """Convert a concentration of methane to %VOL; what is ambiguous is asked.

    Parameters
    ----------
    value : float or array
    unit : str or None
        %VOL, %LEL or ppm in any spelling.
    lel : float, default 5 [%VOL]
        100 % LEL.

    Raises
    ------
    UnitError
        Without unit, or with a mere %: both readings are named.
    """
    if unit is None or not unit.strip() or canonical(unit) == "%":
        shown = float(np.nanmax(value)) if np.size(value) else 10.0
        as_vol, as_lel = shown / lel * 100.0, shown * lel / 100.0
        raise UnitError(
            f"methane of {shown:g} with unit {unit!r} may be {shown:g} %VOL (= {as_vol:g} %LEL) or "
            f"{shown:g} %LEL (= {as_lel:g} %VOL); say which of %VOL, %LEL, ppm it is."
        )
    if canonical(unit) == "%LEL":
        return cast("Values", value * (lel / 100.0))
    return convert(value, unit, "%VOL")


def fault_limits(span: float | None = None) -> FaultLimits:
    """Limits of `alarms.toml`, with the span of a terminal [%VOL] where it is known."""
    stated = told()["faults"]
    names = FaultLimits.__dataclass_fields__
    limits = {name: float(stated[name]) for name in names if name in stated}
    return FaultLimits(**(limits | ({} if span is None else {"span": span})))


def terminal_alarms(
    readings: pd.DataFrame,
    *,
    unit: str | None,
    profile: AlarmProfile,
    span: float | None = None,
) -> pd.DataFrame:
    """Grade the readings of one terminal.

    Parameters
    ----------
    readings : DataFrame, index time (UTC, increasing)
        `methane`; where there are, `humidity` [%], `flood`, `tamper`, `battery` [%],
        `signal` [dBm].
    unit : str or None
        Of `methane`; refused where it may mean two things.
    profile : AlarmProfile
    span : float, optional [%VOL]
        Of the terminal.

    Returns
    -------
    DataFrame, same index
        `methane` [%VOL], `level` (0-4, I is 1), `slope` [%VOL/h], `hours_20`, `hours_50`,
        `hours_100` (to that share of the LEL), `by`, `faults` (bits), `doubt`.

    Raises
    ------
    UnitError
        Where the unit is missing or ambiguous.
    InputError
        Where there is no column of methane, or the clock runs backwards.
    """
    if "methane" not in readings:
        raise InputError(
            f"expected a column 'methane'; got {', '.join(map(str, readings.columns)) or 'none'}."
        )
    lel = profile.alarm.full
    value = np.asarray(methane_in_vol(readings["methane"].to_numpy(dtype=float), unit, lel=lel))
    time = readings.index.to_numpy()
    said_of = {
        name: readings[name].to_numpy()
        for name in ("humidity", "flood", "tamper", "battery", "signal")
        if name in readings
    }
    bits = terminal_faults(time, value, **said_of, limits=fault_limits(span))
    doubt = (bits & faults.DOUBT) > 0
    _, said = grade(quiet_state(), time, value, alarm=profile.alarm, doubt=doubt)
    return pd.DataFrame(
        {
            "methane": value,
            "level": said.level,
            "slope": said.slope,
            "hours_20": said.hours[:, 0],
            "hours_50": said.hours[:, 1],
            "hours_100": said.hours[:, 2],
            "by": said.by,
            "faults": bits,
            "doubt": doubt,
        },
        index=readings.index,
    )


def alarm_events(graded: pd.DataFrame, profile: AlarmProfile) -> pd.DataFrame:
    """Alarms of one terminal, one row each.

    Parameters
    ----------
    graded : DataFrame
        Of `terminal_alarms`.
    profile : AlarmProfile

    Returns
    -------
    DataFrame
        `since`, `until` (NaT while it lasts), `level` (worst), `peak` [%VOL], `hours_100` (least
        seen), `why_zh`, `why_en`, `source`, `verified`, `profile` with version.
    """
    on = graded["level"].to_numpy() > 0
    edge = np.flatnonzero(np.diff(np.r_[False, on, False].astype(np.int8)))
    rows = []
    for first, last in zip(edge[::2], edge[1::2], strict=True):
        part = graded.iloc[first:last]
        worst = int(part["level"].min())
        by = int(np.bitwise_or.reduce(part["by"].to_numpy()))
        why = [text for bit, text in _WHY.items() if by >> bit & 1]
        at = profile.set_points[worst]
        limit = Text(f"{worst} 级设定值 {at:g} %VOL", f"set point of level {worst}, {at:g} %VOL")
        by_level = any(by >> j & 1 and 4 - j == worst for j in range(4))
        why = ([limit] if by_level else []) + why
        rows.append(
            {
                "since": part.index[0],
                "until": graded.index[last] if last < len(graded) else pd.NaT,
                "level": worst,
                "peak": part["methane"].max(),
                "hours_100": part["hours_100"].min(),
                "why_zh": "、".join(text.zh for text in why),
                "why_en": ", ".join(text.en for text in why),
                "source": profile.sources[worst][0],
                "verified": profile.sources[worst][1],
                "profile": f"{profile.key} {profile.version}",
            }
        )
    names = ("since", "until", "level", "peak", "hours_100", "why_zh", "why_en", "source",
             "verified", "profile")  # fmt: skip
    return pd.DataFrame(rows, columns=list(names))


def device_events(graded: pd.DataFrame) -> pd.DataFrame:
    """What was wrong with one terminal: `fault`, `title_zh`, `title_en`, `since`, `until`, `n`."""
    bits = graded["faults"].to_numpy()
    rows = []
    for bit, title in FAULT_TITLES.items():
        hit = np.flatnonzero(bits & bit)
        if hit.size:
            still = hit[-1] == len(graded) - 1
            rows.append(
                {
                    "fault": bit,
                    "title_zh": title.zh,
                    "title_en": title.en,
                    "since": graded.index[hit[0]],
                    "until": pd.NaT if still else graded.index[hit[-1]],
                    "n": hit.size,
                }
            )
    return pd.DataFrame(rows, columns=["fault", "title_zh", "title_en", "since", "until", "n"])
