"""Mobile survey: leak indications from a vehicle's track, each with the nearest gas main.

Screening: an indication says where to walk with a hand-held detector, not what leaks.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifeline_kit.errors import InputError
from lifeline_kit.methods.survey import SurveySettings, find_peaks, group_peaks
from lifeline_kit.text import Text

SOURCE = Text(
    "车载甲烷巡检；参数取自 von Fischer、Weller 的公开巡检（PLoS ONE 14(2) e0212287）",
    "Mobile methane survey; parameters of the published surveys of von Fischer and Weller "
    "(PLoS ONE 14(2) e0212287)",
)
_COLUMNS = ("time", "lon", "lat", "methane")
_SETTINGS = SurveySettings()


def survey_indications(
    track: pd.DataFrame,
    assets: gpd.GeoDataFrame,
    *,
    settings: SurveySettings = _SETTINGS,
    pipe_m: float = 50.0,
) -> gpd.GeoDataFrame:
    """Find leak indications along one or more drives.

    Parameters
    ----------
    track : DataFrame
        `time`, `lon`, `lat` (WGS 84), `methane` [ppm]; `drive` where there are several.
    assets : GeoDataFrame, index `asset`
        In a metric CRS; gas pipes are looked for near each indication.
    settings : SurveySettings
    pipe_m : float, default 50 [m]
        Farther pipes are not named.

    Returns
    -------
    GeoDataFrame, index `indication`, in the CRS of the assets, the strongest first
        `excess` [ppm above the air around], `peaks`, `passes`, `verified`, `first`, `last` (time),
        `pipe` (empty where none is near), `distance_m`.

    Raises
    ------
    InputError
        Where a column is missing, methane looks like %VOL, or a clock runs backwards.
    """
    missing = [name for name in _COLUMNS if name not in track]
    if missing:
        raise InputError(f"a track needs {', '.join(_COLUMNS)}; {missing[0]!r} is missing.")
    methane = track["methane"].to_numpy(dtype=float)
    if methane.size and np.nanmedian(methane) < 0.5:
        raise InputError(
            f"half of the track lies below {np.nanmedian(methane):g}; open air holds about 2 ppm. "
            "Is it %VOL, or an enhancement? Give the concentration in ppm."
        )
    if assets.crs is None or assets.crs.is_geographic:
        raise InputError(f"assets must lie in a metric CRS; got {assets.crs}. Use to_crs.")
    points = gpd.GeoSeries(
        shapely.points(track["lon"].to_numpy(float), track["lat"].to_numpy(float)), crs="EPSG:4326"
    ).to_crs(assets.crs)
    time = pd.DatetimeIndex(track["time"])
    origin = time.min()
    peaks = find_peaks(
        ((time - origin) / pd.Timedelta(seconds=1)).to_numpy(),
        shapely.get_coordinates(points.to_numpy()),
        methane,
        drive=pd.factorize(track["drive"])[0] if "drive" in track else None,
        settings=settings,
    )
    found = group_peaks(peaks, settings=settings)
    order = np.argsort(-found.excess, kind="stable")
    seen = pd.DataFrame({"group": found.group_of_peak, "start": peaks.start, "end": peaks.end})
    spans = seen.groupby("group").agg(first=("start", "min"), last=("end", "max")).loc[order]
    places = shapely.points(found.xy[order])
    pipe, distance = _nearest(places, assets, pipe_m)
    return gpd.GeoDataFrame(
        {
            "excess": found.excess[order],
            "peaks": found.peaks[order],
            "passes": found.passes[order],
            "verified": found.verified[order],
            "first": origin + pd.to_timedelta(spans["first"].to_numpy(), unit="s"),
            "last": origin + pd.to_timedelta(spans["last"].to_numpy(), unit="s"),
            "pipe": pipe,
            "distance_m": distance,
        },
        index=pd.Index([f"survey-{k + 1}" for k in range(order.size)], name="indication"),
        geometry=places,
        crs=assets.crs,
    )


def _nearest(
    places: np.ndarray, assets: gpd.GeoDataFrame, pipe_m: float
) -> tuple[np.ndarray, np.ndarray]:
    own = (assets["lifeline"] == "gas") & (assets["kind"] == "pipe")
    lines = assets.geometry[own]
    pipe, distance = np.full(len(places), "", dtype=object), np.full(len(places), np.nan)
    if len(places) and len(lines):
        tree = shapely.STRtree(lines.to_numpy())
        (rows, at), away = tree.query_nearest(
            places, max_distance=pipe_m, return_distance=True, all_matches=False
        )
        pipe[rows], distance[rows] = lines.index.to_numpy()[at], away
    return pipe, distance
