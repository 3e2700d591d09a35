"""One manhole's series made ready for the models: baseline, noise, onset, drivers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import lfilter

from lifeline_kit.errors import ReadingsError
from lifeline_kit.methods.marginal import Sight

_COLUMNS = frozenset(
    ("methane", "temperature", "air_temperature", "rain", "humidity", "demand", "flooded")
)
LOWEST_VOL = -5.0  # %VOL: a zero that drifted so far shows nothing any more
_RESOLUTION_NOISE = 0.004  # %VOL: rounding to 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Manhole:
    """Arrays around one manhole from some hours before the onset.

    Attributes
    ----------
    sight : Sight
        Readings of its terminal.
    base, level, noise, wander : float [%VOL]
        Before the onset; reached after it; white noise; slow swing of the quiet reading.
    damp_gain : float [%VOL]
        What the quiet reading gains per standard deviation of damp.
    onset_h : float [h]
        On the clock of the sight.
    demand : array, (reading,)
        Standard deviations from the mean.
    warmth : array, (reading,) [10 K]
        Manhole temperature off its mean.
    rain, wet, damp, hour : arrays, (reading,)
        [mm/h]; 0-1; standard deviations; local hour of the day.
    flooded : bool array, (reading,)
    neighbours : tuple of arrays, (reading,) [%VOL]
    """

    sight: Sight
    base: float
    level: float
    noise: float
    wander: float
    damp_gain: float
    onset_h: float
    demand: np.ndarray
    warmth: np.ndarray
    rain: np.ndarray
    wet: np.ndarray
    damp: np.ndarray
    hour: np.ndarray
    flooded: np.ndarray
    neighbours: tuple[np.ndarray, ...]


def prepare(
    series: pd.DataFrame,
    *,
    alarm_vol: float,
    before_h: float,
    envelope_h: float,
    utc_offset_h: float,
) -> Manhole:
    """Find baseline, noise and onset, and set up the drivers.

    Parameters
    ----------
    series : DataFrame, index `time` (UTC, increasing)
        `methane` [%VOL] and, where there are any, `temperature` or `air_temperature` [degC],
        `rain` [mm/h], `humidity` [%], `demand`, `flooded` [0/1], `neighbour_1` … [%VOL].
    alarm_vol : float [%VOL]
    before_h, envelope_h : float [h]
    utc_offset_h : float [h]

    Raises
    ------
    ReadingsError
        As of `checked_series`, or where time does not increase.
    """
    series = checked_series(series)
    series = series[series["methane"].notna()]
    stamp = series.index.to_numpy().astype("datetime64[ms]")
    time_h = (stamp - stamp[0]) / np.timedelta64(3_600_000, "ms")
    if (np.diff(time_h) <= 0).any():
        raise ReadingsError("triage needs times that increase; sort the series by its index.")
    value = series["methane"].to_numpy(dtype=float)
    damp = _standard(_column(series, "humidity", 80.0))
    base, gain, noise, wander, onset = _quiet(time_h, value, damp, alarm_vol)
    keep = time_h >= onset - before_h
    time_h, value, series = time_h[keep], value[keep], series[keep]
    after = time_h >= onset
    level = max(float(np.quantile(value[after], 0.9)) - base, 0.1)
    step_h = float(np.median(np.diff(time_h))) if time_h.size > 1 else 0.25
    width = max(round(envelope_h / step_h), 1)
    envelope = uniform_filter1d(np.clip(value - base, 0.0, None), width, mode="nearest")
    rain = _column(series, "rain", 0.0)
    day = stamp[keep].astype("datetime64[D]")
    hour = ((stamp[keep] - day) / np.timedelta64(3_600_000, "ms") + utc_offset_h) % 24
    keep_wet = np.exp(-step_h / 12.0)
    return Manhole(
        sight=Sight(
            time_h=time_h,
            value=value,
            white=np.full(value.size, noise**2),
            envelope=np.maximum(envelope, 0.02),
            cut=np.zeros(value.size, dtype=bool),
        ),
        base=base,
        level=level,
        noise=noise,
        wander=wander,
        onset_h=onset,
        demand=_standard(_column(series, "demand", 1.0)),
        warmth=_warmth(series),
        rain=rain,
        wet=np.clip(lfilter([0.02], [1.0, -keep_wet], rain), 0.0, 1.0),
        damp=damp[keep],
        damp_gain=gain,
        hour=hour,
        flooded=_column(series, "flooded", 0.0) > 0,
        neighbours=_neighbours(series),
    )


def checked_series(series: pd.DataFrame) -> pd.DataFrame:
    """Check the series of a manhole.

    Parameters
    ----------
    series : DataFrame, index `time`
        As of `prepare`; an index with a zone is brought to UTC.

    Raises
    ------
    ReadingsError
        Where it is no such table, methane is absent or holds fewer than four readings, or a
        reading is no number or cannot be %VOL.
    """
    if not isinstance(series, pd.DataFrame):
        raise ReadingsError(
            f"triage needs a DataFrame with the column 'methane'; got {type(series).__name__}; "
            "use series.to_frame('methane')."
        )
    if "methane" not in series or int(series["methane"].notna().sum()) < 4:
        raise ReadingsError(
            "triage needs at least four readings of methane in the column 'methane'; "
            f"got columns {', '.join(map(str, series.columns))} and {len(series)} rows."
        )
    if not isinstance(series.index, pd.DatetimeIndex):
        raise ReadingsError(
            f"triage needs the times (UTC) as the index; got {series.index.dtype}; use "
            ".set_index('time') after pd.to_datetime."
        )
    if series.index.tz is not None:
        series = series.tz_convert("UTC").tz_localize(None)
    for name in [*_COLUMNS.intersection(series.columns), *_beside(series)]:
        number = pd.to_numeric(series[name], errors="coerce")
        wrong = (number.isna() & series[name].notna()) | np.isinf(number.astype(float))
        if wrong.any():
            raise ReadingsError(
                f"triage: {name} is {series[name][wrong].iloc[0]} at {series.index[wrong][0]}; "
                "expected finite numbers, or nothing where there is no reading."
            )
        if name == "methane" or name.startswith("neighbour_"):
            _check_share(name, number)
    return series


def _check_share(name: str, number: pd.Series) -> None:
    low, high = float(number.min()), float(number.max())
    if low < LOWEST_VOL or high > 100.0:
        raise ReadingsError(
            f"triage needs {name} in %VOL, {LOWEST_VOL:g} to 100; got {low:g} to {high:g}. "
            "1 %VOL is 10,000 ppm; of %LEL ask which 100 % is meant."
        )


def _beside(series: pd.DataFrame) -> list[str]:
    return sorted(str(name) for name in series.columns if str(name).startswith("neighbour_"))


def _quiet(
    time_h: np.ndarray, value: np.ndarray, damp: np.ndarray, alarm_vol: float
) -> tuple[float, float, float, float, float]:
    """Return baseline, gain by damp, white noise, slow swing [%VOL] and onset [h]."""
    smooth = median_filter(value, size=5, mode="nearest")
    high = max(alarm_vol, 0.5 * float(np.quantile(smooth, 0.97)))
    raised = np.flatnonzero((smooth > high) | (value > 2.0 * high))
    first = int(raised[0]) if raised.size else int(np.argmax(value))
    curved = np.abs(value[1:-1] - 0.5 * (value[:-2] + value[2:]))
    before = curved[: max(first - 4, 0)]
    # a quiet terminal clipped at zero tells nothing of its noise
    free = np.minimum(np.minimum(value[:-2], value[1:-1]), value[2:])[: before.size] > 0.005
    if free.sum() >= 16:
        noise = float(np.median(before[free])) / 0.6745 / np.sqrt(1.5)
    elif before.size >= 16:  # half of it clipped: the upper half of the readings is left
        quiet = np.sort(value[: before.size])
        noise = float(quiet[int(0.84 * quiet.size)] - quiet[int(0.5 * quiet.size)])
    else:  # it was high from the start: the stillest third of the readings
        noise = float(np.median(np.sort(curved)[: max(curved.size // 3, 1)])) * 1.8 / 0.826
    noise = max(noise, _RESOLUTION_NOISE)
    past = smooth[: max(first - 8, 0)]
    if past.size < 8:
        return float(min(value.min(), 0.1)), 0.0, noise, 0.03, float(time_h[0])
    base, gain = _damp_gain(past, damp[: past.size])
    past = past - gain * damp[: past.size]
    wander = float(np.clip(1.4826 * np.median(np.abs(past - base)), 0.01, 0.2))
    dry = smooth - gain * damp
    bar = base + max(3.0 * wander, 0.05, 0.06 * (float(dry.max()) - base))
    low = np.flatnonzero(dry[: first + 1] < bar)
    onset = float(time_h[min(int(low[-1]) + 1, value.size - 1)]) if low.size else float(time_h[0])
    return base, gain, noise, wander, onset


def _damp_gain(past: np.ndarray, damp: np.ndarray) -> tuple[float, float]:
    """Baseline and gain by damp of a quiet stretch, the gain held near zero where it is short."""
    away = damp - damp.mean()
    gain = float(away @ (past - past.mean())) / (float(away @ away) + 16.0)
    return float(np.median(past - gain * damp)), gain


def _column(series: pd.DataFrame, name: str, otherwise: float) -> np.ndarray:
    if name not in series:
        return np.full(len(series), otherwise)
    column = series[name].astype(float).interpolate(limit_direction="both")
    return column.fillna(otherwise).to_numpy()


def _standard(value: np.ndarray) -> np.ndarray:
    spread = float(value.std())
    return (value - value.mean()) / spread if spread > 1e-6 else np.zeros(value.size)


def _warmth(series: pd.DataFrame) -> np.ndarray:
    name = "temperature" if "temperature" in series else "air_temperature"
    value = _column(series, name, 15.0)
    return (value - value.mean()) / 10.0


def _neighbours(series: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(_column(series, name, 0.0) for name in _beside(series))
