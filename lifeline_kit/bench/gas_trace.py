"""Tracing gas in manholes to a piece of main, on simulated leaks under the demo city's streets.

Truth is drawn by `demo.seepage` (ranges from literature, stated there); the inversion
(`methods.seepage`, default settings) knows the map of spaces and most ducts, and neither the
leak's soil, rate, covers nor exchange. Half of the manholes are sensed. Leaks that no sensed
manhole notices cannot be traced and are counted apart.
"""

from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.demo.seepage import Scene, draw_leak, lay_scene
from lifeline_kit.methods.seepage import Soil, Underground, cut_pieces, trace_source
from lifeline_kit.text import Text

_SCENES, _LEAKS = 4, 400  # leaks drawn a scene; the other rows take fewer
_AIR, _EXCHANGE = 0.3, 0.1  # 1/h, what the inversion takes for all
_DRY = Soil()


def mapped(scene: Scene) -> Underground:
    """What a city knows of the underground: its map, and one figure for all of a kind."""
    ducts = scene.ducts[scene.mapped]
    return Underground(
        xy=scene.xy,
        air_change=np.full(len(scene.xy), _AIR),
        ducts=ducts,
        exchange=np.full(len(ducts), _EXCHANGE),
    )


def trials(
    seeds: list[int], n: int, *, spacing_m: float = 30.0, soil: Soil = _DRY, **drawn: float
) -> pd.DataFrame:
    """Draw and trace `n` leaks under each scene; a row per leak, NaN where nothing showed.

    Parameters
    ----------
    seeds : list of int
        A scene each.
    n : int
    spacing_m : float, default 30 [m]
        Of main per space.
    soil : Soil
        What the inversion assumes.
    **drawn : float
        To `draw_leak`.

    Returns
    -------
    DataFrame
        `error_m`, `hottest_m`, `hit`, `search_m`, `seconds`.
    """
    rows = []
    for seed in seeds:
        scene = lay_scene(seed, spacing_m=spacing_m)
        xy, _, _, length = cut_pieces(scene.lines)
        ground = mapped(scene)
        rng = np.random.default_rng([seed, 7])
        for _ in range(n):
            leak = draw_leak(scene, rng, **drawn)
            begin = process_time()
            trace = trace_source(ground, xy, sensed=leak.sensed, reading=leak.reading, soil=soil)
            took = process_time() - begin
            if trace is None:
                rows.append({"error_m": np.nan})
                continue
            away = np.linalg.norm(xy - leak.xy, axis=1)
            hottest = scene.xy[leak.sensed[np.argmax(leak.reading)]]
            rows.append(
                {
                    "error_m": away[trace.best],
                    "hottest_m": np.linalg.norm(hottest - leak.xy),
                    "hit": float(np.argmin(away) in trace.search),
                    "search_m": length[trace.search].sum(),
                    "seconds": took,
                }
            )
    return pd.DataFrame(rows)


def _scores(table: pd.DataFrame) -> dict[str, float]:
    noticed = table.dropna(subset="error_m")
    median = float(noticed["error_m"].median())
    return {
        "median_m": median,
        "hit90_share": float(noticed["hit"].mean()),
        "vs_hottest_manhole": float(noticed["hottest_m"].median()) / max(median, 1e-9),
        "p90_m": float(noticed["error_m"].quantile(0.9)),
        "search_length_median_m": float(noticed["search_m"].median()),
        "hottest_manhole_median_m": float(noticed["hottest_m"].median()),
        "noticed_share": len(noticed) / len(table),
        "traced": float(len(noticed)),
        "seconds_per_trace": float(noticed["seconds"].mean()),
    }


def _some(table: pd.DataFrame, prefix: str) -> dict[str, float]:
    kept = ("median_m", "hit90_share", "vs_hottest_manhole", "noticed_share")
    return {f"{prefix}_{key}": value for key, value in _scores(table).items() if key in kept}


def _measure(_: Path | None, seed: int) -> Measured:
    seeds = [_SCENES * seed + k for k in range(_SCENES)]
    values = _scores(trials(seeds, _LEAKS))
    values |= _some(trials(seeds, _LEAKS, spacing_m=40.0), "sparse")
    values |= _some(trials(seeds, _LEAKS // 4, sensed_share=0.25), "quarter_sensed")
    values |= _some(trials(seeds, _LEAKS // 4, sensed_share=1.0), "all_sensed")
    wet = Soil(cover=3.5)
    values |= _some(trials(seeds[:1], _LEAKS // 20, soil=wet, cover=3.5), "wet")
    return Measured(
        values=values,
        note=f"simulated: leaks, soil and readings of demo.seepage on real streets, {_SCENES} "
        "scenes; one space per 30 m of main, sparse: per 40 m; wet: decay length 3.5 times, told "
        "to the inversion",
    )


BENCH = Bench(
    name="gas-trace",
    title=Text("井下燃气溯源（模拟）", "tracing gas to a piece of main (simulated)"),
    measure=_measure,
)
