"""The order of the stages, written in one place."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version as package_version
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
import xarray as xr

from lifeline_kit.checkup import assess_risk, score_city
from lifeline_kit.checkup.devices import device_findings
from lifeline_kit.checkup.profile import Profile, city_profile
from lifeline_kit.coupling import couple
from lifeline_kit.early_warning import raise_warnings
from lifeline_kit.early_warning.own_rules import (
    FILE,
    OwnRules,
    load_own_rules,
    shelved,
    with_rules,
)
from lifeline_kit.errors import ReadingsError
from lifeline_kit.lifelines import ALL
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.lifeline import check_kinds
from lifeline_kit.model.readings import flatten, is_ragged, nodes, ragged_node, stamp
from lifeline_kit.model.tables import CASE_COLUMNS, join_findings, joined
from lifeline_kit.quality import (
    doubts,
    flag_city,
    mark_doubts,
    sensor_health,
    sensor_health_findings,
    sparse_flags,
)

Progress = Callable[[str, int, int], None]
_STAGES = len(ALL) + 6
_STRAGGLERS = 0.05  # so few sensors may be ahead of the rest by more than
_TOLERANCE = np.timedelta64(1, "h")  # this: their clocks are wrong


def examine(
    city: City,
    at: pd.Timestamp | None = None,
    *,
    profile: Profile | None = None,
    tasks: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Examine a city: quality, diagnosis, coupling, warnings, risk, scores.

    Parameters
    ----------
    city : City
        With readings.
    at : Timestamp, optional
        UTC without zone; nothing later is read. By default the last reading, but for the
        few sensors more than an hour ahead of all others: their clocks are wrong.
    profile : Profile, optional
    tasks : DataFrame, index `task`, optional
        Columns of `checkup.response.TASK_COLUMNS`; without it no response is scored. They answer
        warnings of this examination.
    progress : callable (stage, done, of), optional

    Returns
    -------
    Examination
        The same city, moment, profile, tasks and version of the code give the same result.

    Raises
    ------
    AssetsError
        Where an asset is of an unknown kind, or drawn as another.
    ReadingsError
        Where the city holds no reading.
    TableError
        Where a task breaks its shape, or answers none of the warnings.
    """
    check_kinds(city.assets, ALL)
    own, profile = own_rules(city), profile or city_profile(city)
    version, lifelines = examination_version(city, at, profile, tasks), with_rules(ALL, own)
    seconds: dict[str, float] = {}
    step = 0

    @contextmanager
    def stage(name: str) -> Generator[None]:
        nonlocal step
        if progress:
            progress(name, step, _STAGES)
        began = time.process_time()
        yield
        seconds[name] = time.process_time() - began
        step += 1

    with stage("quality"):
        since, last = moments(city)
        moment = _moment(last if at is None else at)
        if at is not None:
            city = until(city, moment)
        flagged = flag_city(city, lifelines, moment.to_datetime64())
        in_doubt = doubts(flagged, lifelines)
        flagged = mark_doubts(flagged, in_doubt)
        health = sensor_health(flagged, moment.to_datetime64(), in_doubt)
        flags = sparse_flags(flagged)
        parts = [sensor_health_findings(flagged, health, flags, in_doubt, lifelines=lifelines)]
    for lifeline in lifelines:
        with stage(lifeline.key):
            parts.append(lifeline.diagnose(lifeline, flagged, moment))
    with stage("coupling"):
        found = join_findings(parts)
        findings = shelved(join_findings([found, couple(city, found)]), own, at=moment)
    with stage("cases"):
        cases = joined(
            [each.judge(flagged, found, moment) for each in lifelines if each.judge is not None],
            CASE_COLUMNS,
            "case",
        )
    with stage("warnings"):
        warnings = raise_warnings(findings, city.assets, lifelines)
    with stage("risk"):
        risk = assess_risk(city.assets, findings, lifelines, profile, at=moment)
    with stage("scores"):
        scores = score_city(
            city,
            findings,
            warnings,
            health,
            lifelines,
            profile,
            at=moment,
            since=stamp(since),
            tasks=tasks,
        )
    if progress:
        progress("done", _STAGES, _STAGES)
    return Examination(
        at=moment,
        since=stamp(since),
        findings=join_findings(
            [findings, device_findings(city, health, risk, at=moment, since=stamp(since))]
        ),
        cases=cases,
        warnings=warnings,
        scores=scores,
        risk=risk,
        health=health,
        flags=flags,
        version=version,
        seconds=seconds,
    )


def rescored(
    city: City,
    examination: Examination,
    tasks: pd.DataFrame,
    *,
    profile: Profile | None = None,
) -> Examination:
    """Score an examination again, with tasks; nothing is examined twice.

    Parameters
    ----------
    city : City
        Readings are not needed.
    examination : Examination
        Made without tasks, with the same profile.
    tasks : DataFrame, index `task`
        Columns of `checkup.response.TASK_COLUMNS`.
    profile : Profile, optional

    Returns
    -------
    Examination
        Other scores; the stamp is the old one, `+`, and a stamp of the tasks. The same one where
        there is no task.

    Raises
    ------
    TableError
        Where a task breaks its shape, or answers none of the warnings.
    """
    if tasks.empty:
        return examination
    scores = score_city(
        city,
        examination.findings,
        examination.warnings,
        examination.health,
        with_rules(ALL, own_rules(city)),
        profile or city_profile(city),
        at=examination.at,
        since=examination.since,
        tasks=tasks,
    )
    stamp_of = hashlib.sha256(tasks.to_csv().encode()).hexdigest()[:8]
    return dataclasses.replace(
        examination, scores=scores, version=f"{examination.version}+{stamp_of}"
    )


def own_rules(city: City) -> OwnRules:
    """Read the centre's own rules of a saved city; the shipped ones alone where it has none.

    Raises
    ------
    RulesError
    """
    path = None if city.path is None else city.path / FILE
    if path is None or not path.exists():
        return OwnRules(rules={each.key: each.rules for each in ALL})
    return load_own_rules(path, ALL, city.assets.index)


def _moment(at: pd.Timestamp | np.datetime64) -> pd.Timestamp:
    """Return a moment as UTC without zone."""
    zoned = isinstance(at, pd.Timestamp) and at.tzinfo is not None
    return stamp(at.tz_convert("UTC").tz_localize(None) if zoned else at)


def moments(city: City) -> tuple[np.datetime64, np.datetime64]:
    """First reading of a city, and the last moment that most clocks have reached.

    Raises
    ------
    ReadingsError
    """
    first, last = [], []
    for _, node in nodes(city.readings):
        flat = flatten(node)
        sizes = np.diff(flat.starts)
        has = sizes > 0
        first.append(flat.time[flat.starts[:-1][has]])
        last.append(flat.time[flat.starts[1:][has] - 1])
    ends = np.sort(np.concatenate(last)) if last else np.zeros(0, dtype="datetime64[ms]")
    if not ends.size:
        raise ReadingsError("the city holds no reading; load some before examining it.")
    most = ends[ends.size - 1 - int(_STRAGGLERS * ends.size)]
    return np.concatenate(first).min(), ends[ends <= most + _TOLERANCE].max()


def until(city: City, at: pd.Timestamp) -> City:
    """Leave out all readings after a moment."""
    moment = at.to_datetime64()
    kept = {}
    for path, node in nodes(city.readings):
        if not is_ragged(node):
            kept[path] = node.sel(time=node["time"] <= moment)
            continue
        flat = flatten(node)
        keep = flat.time <= moment
        counts = np.add.reduceat(np.append(keep, False), flat.starts[:-1])
        sizes = np.where(np.diff(flat.starts) > 0, counts, 0)
        kept[path] = ragged_node(
            node.attrs["quantity"], flat.sensors, sizes, flat.time[keep], flat.value[keep]
        )
    return city.with_(readings=xr.DataTree.from_dict(kept))


def examination_version(
    city: City, at: pd.Timestamp | None, profile: Profile, tasks: pd.DataFrame | None = None
) -> str:
    """Stamp of all that an examination depends on: package, rules, profile, city, moment, tasks."""
    rules = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.toml")):
        rules.update(file.read_bytes())
    data = city.digest or _fingerprint(city)
    if city.path is not None and (city.path / FILE).exists():
        rules.update((city.path / FILE).read_bytes())
    parts = [package_version("lifeline_kit"), rules.hexdigest(), repr(profile), data, at]
    if tasks is not None:
        parts.append(hashlib.sha256(tasks.to_csv().encode()).hexdigest())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _fingerprint(city: City) -> str:
    """Fingerprint of the data of a city that no folder holds."""
    data = hashlib.sha256(city.time_zone.encode())
    for frame in (city.assets, city.sensors, city.areas):
        places = shapely.to_wkb(frame.geometry.to_numpy())
        plain = pd.DataFrame(frame).drop(columns=frame.geometry.name)
        data.update(plain.to_csv().encode())
        data.update(b"".join(place or b"-" for place in places))
    for path, node in nodes(city.readings):
        flat = flatten(node)
        data.update(repr((path, flat.sensors.tolist())).encode())
        for part in (flat.starts, flat.time, flat.value):
            data.update(np.ascontiguousarray(part).tobytes())
    return data.hexdigest()
