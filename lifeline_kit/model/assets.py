"""The shapes of assets, sensors and areas, checked once at the border."""

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd

from lifeline_kit.errors import AreasError, AssetsError, CrsError, LifelineError, SensorsError
from lifeline_kit.units import canonical
from lifeline_kit.vocabulary import quantity as quantity_of

ASSET_COLUMNS = ("lifeline", "kind", "real_or_simulated")
SENSOR_COLUMNS = (
    "asset",
    "lifeline",
    "quantity",
    "unit",
    "clock",
    "interval_s",
    "range_min",
    "range_max",
    "real_or_simulated",
)
AREA_COLUMNS = ("level", "population", "vulnerable", "real_or_simulated")
ORIGINS = ("real", "simulated")
AREA_LEVELS = ("city", "district", "subdistrict", "cell")
_NUMERIC_ASSET_COLUMNS = (
    "year",
    "diameter_mm",
    "length_m",
    "depth_m",
    "design_pressure_kpa",
    "load",
    "people",
)
_NUMERIC_SENSOR_COLUMNS = ("interval_s", "range_min", "range_max", "limit_low", "limit_high")


def check_assets(assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check a table of assets.

    Parameters
    ----------
    assets : GeoDataFrame, index `asset`
        Columns `lifeline`, `kind`, `real_or_simulated`, geometry in a metric CRS; links have
        `from_node` and `to_node`; engineering columns end in their unit (`length_m`,
        `diameter_mm`). Without any geometry (readings alone) the CRS may be missing.

    Returns
    -------
    GeoDataFrame
        The same object.

    Raises
    ------
    AssetsError, CrsError
        Naming the row or column.
    """
    _check_table(assets, "asset", ASSET_COLUMNS, AssetsError)
    _check_geometry(assets, "assets", AssetsError, required=False)
    for column in _NUMERIC_ASSET_COLUMNS:
        if column in assets.columns:
            _check_numbers(assets, column, AssetsError)
    return assets


def check_sensors(sensors: gpd.GeoDataFrame, assets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check a table of sensors against the assets they sit on.

    Parameters
    ----------
    sensors : GeoDataFrame, index `sensor`
        Columns `asset`, `lifeline`, `quantity`, `unit` (canonical of the quantity), `clock` (node
        of the readings), `interval_s`, `range_min`, `range_max` (instrument span) and, where
        there is one, the design limits `limit_low`, `limit_high`.
    assets : GeoDataFrame, index `asset`

    Raises
    ------
    SensorsError, CrsError
    """
    _check_table(sensors, "sensor", SENSOR_COLUMNS, SensorsError)
    _check_geometry(sensors, "sensors", SensorsError, required=False)
    stray = sensors.index[~sensors["asset"].isin(assets.index)]
    if len(stray):
        raise SensorsError(
            f"sensor {stray[0]!r} sits on asset {sensors['asset'][stray[0]]!r}, which is not in "
            f"the assets ({_count(stray)} in all); add the asset or mend the column 'asset'."
        )
    for column in _NUMERIC_SENSOR_COLUMNS:
        if column in sensors.columns:
            _check_numbers(sensors, column, SensorsError)
    never = ~(pd.to_numeric(sensors["interval_s"]) > 0)
    if never.any():
        raise SensorsError(
            f"sensor {sensors.index[never][0]!r}: interval_s is "
            f"{sensors['interval_s'][never].iloc[0]}; expected seconds above zero."
        )
    for key, unit in sensors[["quantity", "unit"]].drop_duplicates().itertuples(index=False):
        expected = quantity_of(key).unit
        if canonical(unit) != expected:
            first = sensors.index[(sensors["quantity"] == key) & (sensors["unit"] == unit)][0]
            raise SensorsError(
                f"sensor {first!r}: {key} is in {unit}, expected {expected}; "
                f'convert with units.convert(values, "{unit}", "{expected}").'
            )
    return sensors


def check_areas(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check a table of areas: index `area`; `level`, `population`, `vulnerable`.

    Raises
    ------
    AreasError, CrsError
    """
    _check_table(areas, "area", AREA_COLUMNS, AreasError)
    _check_geometry(areas, "areas", AreasError, required=len(areas) > 0)
    unknown = ~areas["level"].isin(AREA_LEVELS)
    if unknown.any():
        raise AreasError(
            f"area {areas.index[unknown][0]!r} has level {areas['level'][unknown].iloc[0]!r}; "
            f"expected one of {', '.join(AREA_LEVELS)}."
        )
    for column in ("population", "vulnerable"):
        _check_numbers(areas, column, AreasError)
    return areas


def _check_table(
    table: gpd.GeoDataFrame,
    index: str,
    columns: Iterable[str],
    error: type[LifelineError],
) -> None:
    if not isinstance(table, pd.DataFrame) or table.index.name != index:
        raise error(
            f"expected a table indexed by {index!r}, "
            f"got index {getattr(table.index, 'name', None)!r}; "
            f"use .set_index({index!r})."
        )
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise error(
            f"column {missing[0]!r} is missing (expected {', '.join(columns)}; "
            f"found {', '.join(map(str, table.columns))}); add it or name it in the mapping file."
        )
    if table.index.hasnans:
        raise error(f"row {int(np.argmax(table.index.isna())) + 1} has no {index} id; give it one.")
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()]
        raise error(
            f"{index} id {twice[0]!r} stands more than once ({_count(twice)}); ids must be unique."
        )
    wrong = ~table["real_or_simulated"].isin(ORIGINS)
    if wrong.any():
        raise error(
            f"{index} {table.index[wrong][0]!r}: real_or_simulated is "
            f"{table['real_or_simulated'][wrong].iloc[0]!r}; expected 'real' or 'simulated'."
        )


def _check_geometry(
    table: gpd.GeoDataFrame, name: str, error: type[LifelineError], *, required: bool
) -> None:
    geometry = table.geometry
    if geometry.isna().all() and not required:
        return
    if table.crs is None:
        raise CrsError(
            f"{name} have no coordinate reference system; expected a metric one such as EPSG:4547; "
            "set it with .set_crs(...) or give crs = 'EPSG:…' in the mapping file."
        )
    if not table.crs.is_projected or table.crs.axis_info[0].unit_name not in {"metre", "meter"}:
        raise CrsError(
            f"{name} are in {table.crs.to_string()} ({table.crs.axis_info[0].unit_name}); expected "
            "a metric CRS; convert with .to_crs(...), for instance EPSG:4547."
        )
    empty = table.index[geometry.isna() | geometry.is_empty]
    if len(empty):
        raise error(
            f"{name}: {empty[0]!r} has no geometry ({_count(empty)}); remove the row or add it."
        )
    bounds = geometry.bounds.to_numpy()
    broken = ~np.isfinite(bounds).all(axis=1)
    if broken.any():
        raise error(
            f"{name}: {table.index[broken][0]!r} has NaN or infinite coordinates; "
            "mend the geometry."
        )


def _check_numbers(table: pd.DataFrame, column: str, error: type[LifelineError]) -> None:
    numbers = pd.to_numeric(table[column], errors="coerce")
    unreadable = numbers.isna() & table[column].notna()
    infinite = np.isinf(numbers.to_numpy(dtype=float, na_value=np.nan))
    bad = unreadable | infinite
    if bad.any():
        row, value = table.index[bad][0], table[column][bad].iloc[0]
        shown = repr(value) if isinstance(value, str) else value
        raise error(
            f"{table.index.name} {row!r}: {column} is {shown}; expected a finite number or nothing."
        )


def _count(rows: pd.Index) -> str:
    return f"{len(rows)} row" + ("s" if len(rows) > 1 else "")


def no_areas(crs: object) -> gpd.GeoDataFrame:
    """Return a table of areas without a row, for a city that knows none."""
    columns = (*AREA_COLUMNS, "parent", "name_zh", "name_en")
    empty = pd.DataFrame(index=pd.Index([], name="area", dtype=object), columns=list(columns))
    empty = empty.astype({"population": "float64", "vulnerable": "float64"})
    return gpd.GeoDataFrame(empty, geometry=np.full(0, None), crs=crs)
