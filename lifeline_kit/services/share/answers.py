"""SensorThings answers: one entity or a page of them, links and expansions included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import numpy as np

from lifeline_kit.services.share.catalogue import LINKS, Catalogue
from lifeline_kit.services.share.filters import conjuncts, matches
from lifeline_kit.services.share.observations import (
    COMPONENTS,
    Observations,
    Span,
    bounds,
    split_id,
)
from lifeline_kit.services.share.options import Options
from lifeline_kit.services.share.problems import Problem, absent, bad
from lifeline_kit.services.share.source import Source

_MAX_EXPANDED_SERIES = 200


@dataclass(frozen=True)
class Answers:
    """Answers for one caller: what they may see is settled by the catalogue they get.

    Attributes
    ----------
    catalogue : Catalogue
    source : Source
    root : str
        Address of ``/v1.1`` as the caller sees it.
    readings : bool
        Whether the caller may see readings.
    """

    catalogue: Catalogue
    source: Source
    root: str
    readings: bool
    budget: dict[str, int] = field(default_factory=lambda: {"entities": 20_000, "series": 200})

    def page(self, name: str, options: Options) -> dict:
        """A page of an entity set."""
        if name == "Observations":
            return self._observation_page(self._one_datastream(options), options, name)
        table = self.catalogue.tables[name]
        rows = self._chosen(name, np.arange(table.ids.size), options)
        return self._listed(name, rows, options, name)

    def entity(self, name: str, key: str, options: Options) -> dict:
        """One entity."""
        if name == "Observations":
            found, which = self._observation(key)
            return self._shown_observation(found, which, options)
        return self._shown(name, self.catalogue.tables[name].row(key), options)

    def navigated(self, name: str, key: str, navigation: str, options: Options) -> dict:
        """What an entity leads to: an entity, or a page of them."""
        target, many = LINKS[name][navigation]
        if name == "Observations":
            owner = self._owner(self._observation(key)[0].sensor, navigation)
            if owner is None:
                raise absent(f"{name} leads to no {navigation} here.")
            return self._shown(target, owner, options)
        row = self.catalogue.tables[name].row(key)
        where = f"{_address(name, key)}/{navigation}"
        if target == "Observations":
            return self._observation_page(key, options, where)
        rows = self.catalogue.related(name, row, navigation)
        if many:
            return self._listed(target, self._chosen(target, rows, options), options, where)
        if not rows.size:
            raise absent(f"{name} leads to no {navigation} here.")
        return self._shown(target, int(rows[0]), options)

    def _chosen(self, name: str, rows: np.ndarray, options: Options) -> np.ndarray:
        table = self.catalogue.tables[name]
        columns = {path: values[rows] for path, values in table.columns.items()}
        if options.filter is not None:
            kept = matches(options.filter, columns, rows.size)
            rows, columns = rows[kept], {path: each[kept] for path, each in columns.items()}
        return rows[_sorting(columns, options, rows.size)]

    def _listed(self, name: str, rows: np.ndarray, options: Options, where: str) -> dict:
        here = rows[options.skip : options.skip + options.top]
        answer = self._head(rows.size, options, where)
        answer["value"] = [self._shown(name, int(row), options) for row in here]
        return answer

    def _head(self, size: int, options: Options, where: str) -> dict:
        answer: dict = {}
        if options.count:
            answer["@iot.count"] = size
        following = options.skip + options.top
        if options.top and following < size:
            query = dict(options.given) | {"$skip": str(following), "$top": str(options.top)}
            answer["@iot.nextLink"] = f"{self.root}/{where}?{urlencode(query, safe='$')}"
        return answer

    def _shown(self, name: str, row: int, options: Options) -> dict:
        self._spend("entities")
        table = self.catalogue.tables[name]
        key = table.ids[row]
        entity = self._linked(name, key, _selected(table.show(row), options), options)
        for navigation, inner in options.expand.items():
            self._expand(entity, name, row, navigation, inner)
        return entity

    def _spend(self, what: str) -> None:
        self.budget[what] -= 1
        if self.budget[what] < 0:
            raise bad(f"too many {what} in one answer; ask for fewer with $top or less $expand.")

    def _linked(self, name: str, key: str, own: dict, options: Options) -> dict:
        address = f"{self.root}/{_address(name, key)}"
        if options.select:
            return ({"@iot.id": key} if {"id", "@iot.id"} & set(options.select) else {}) | own
        links = {f"{each}@iot.navigationLink": f"{address}/{each}" for each in LINKS[name]}
        return {"@iot.id": key, "@iot.selfLink": address} | own | links

    def _expand(self, entity: dict, name: str, row: int, navigation: str, options: Options) -> None:
        target, many = LINKS[name][navigation]
        key = self.catalogue.tables[name].ids[row]
        where = f"{_address(name, key)}/{navigation}"
        entity.pop(f"{navigation}@iot.navigationLink", None)
        if target == "Observations":
            page = self._observation_page(key, options, where)
        else:
            rows = self.catalogue.related(name, row, navigation)
            if not many:
                entity[navigation] = self._shown(target, int(rows[0]), options)
                return
            chosen = self._chosen(target, rows, options)
            page = self._listed(target, chosen, options, where)
        entity[navigation] = page.pop("value")
        entity |= {f"{navigation}{name}": value for name, value in page.items()}

    def _one_datastream(self, options: Options) -> str:
        """The datastream that the filter of ``/Observations`` names; all of them are too many."""
        for path, operator, value in conjuncts(options.filter):
            if path == "Datastream/id" and operator == "eq" and isinstance(value, str):
                self.catalogue.tables["Datastreams"].row(value)
                return value
        raise bad(
            "name one datastream: Datastreams('ID')/Observations, or $filter=Datastream/id eq 'ID'."
        )

    def _series(self, sensor: str, span: Span = (None, None)) -> Observations:
        if not self.readings:
            raise Problem(403, "the token has no scope read:readings.")
        self._spend("series")
        return Observations(sensor, self.source.series(sensor, *span))

    def _observation_page(self, sensor: str, options: Options, where: str) -> dict:
        found = self._series(sensor, bounds(options.filter))
        size = found.readings.time.size
        rows = np.arange(size)
        if options.filter is not None:
            rows = rows[matches(options.filter, found.columns, size)]
        columns = {path: values[rows] for path, values in found.columns.items()}
        rows = rows[_sorting(columns, options, rows.size)]
        here = rows[options.skip : options.skip + options.top]
        answer = self._head(rows.size, options, where)
        if options.data_array:
            answer["value"] = [_data_array(self.root, found, here)]
            return answer
        if options.expand and here.size > _MAX_EXPANDED_SERIES:
            raise bad(f"$expand on Observations needs $top of {_MAX_EXPANDED_SERIES} or less.")
        answer["value"] = [
            self._finished_observation(sensor, row, options) for row in found.rows(here)
        ]
        return answer

    def _observation(self, key: str) -> tuple[Observations, np.ndarray]:
        sensor, time = split_id(key)
        self.catalogue.tables["Datastreams"].row(sensor)
        found = self._series(sensor, (time, time + np.timedelta64(1, "ms")))
        if not found.readings.time.size:
            raise absent("Observations holds no such id.")
        return found, np.arange(1)

    def _shown_observation(self, found: Observations, which: np.ndarray, options: Options) -> dict:
        return self._finished_observation(found.sensor, found.rows(which)[0], options)

    def _finished_observation(self, sensor: str, row: dict, options: Options) -> dict:
        key = row.pop("id")
        entity = self._linked("Observations", key, _selected(row, options), options)
        for navigation, inner in options.expand.items():
            entity.pop(f"{navigation}@iot.navigationLink", None)
            target = LINKS["Observations"][navigation][0]
            owner = self._owner(sensor, navigation)
            entity[navigation] = None if owner is None else self._shown(target, owner, inner)
        return entity

    def _owner(self, sensor: str, navigation: str) -> int | None:
        """Row of what an observation belongs to; None where the asset has no place."""
        tables = self.catalogue.tables
        row = tables["Datastreams"].row(sensor)
        if navigation == "Datastream":
            return row
        asset = tables["Datastreams"].columns["Thing/id"][row]
        return tables["FeaturesOfInterest"].positions.get(asset)


def _data_array(root: str, found: Observations, which: np.ndarray) -> dict:
    rows = found.rows(which)
    return {
        "Datastream@iot.navigationLink": f"{root}/{_address('Datastreams', found.sensor)}",
        "components": list(COMPONENTS),
        "dataArray@iot.count": len(rows),
        "dataArray": [[row[name] for name in COMPONENTS] for row in rows],
    }


def _selected(own: dict, options: Options) -> dict:
    if not options.select:
        return own
    stray = [name for name in options.select if name not in {*own, "id", "@iot.id"}]
    if stray:
        raise bad(f"$select: {stray[0][:60]!r} is not there; expected {', '.join(own)}.")
    return {name: own[name] for name in own if name in options.select}


def _sorting(columns: Mapping[str, np.ndarray], options: Options, size: int) -> np.ndarray:
    order = np.arange(size)
    for path, descending in reversed(options.order):
        if path not in columns:
            raise bad(f"$orderby: {path[:60]!r} is no property that can be sorted here.")
        values = columns[path][order]
        if values.dtype == object:
            values = np.array(["" if each is None else each for each in values], dtype=str)
        rank = np.unique(values, return_inverse=True)[1]
        order = order[np.argsort(-rank if descending else rank, kind="stable")]
    return order


def _address(name: str, key: str) -> str:
    return f"{name}('{quote(key.replace(chr(39), chr(39) * 2), safe=':@')}')"
