"""Drinking-water quality of GECCO 2018 by TSB-AD's measures, with classics re-run beside ours.

Protocol of TSB-AD: rows with a gap are left out, the label is the organisers' EVENT, the buffer
is what their rule finds on the first channel of the first half. Our detector is
`methods.residuals.joint_residual` on the six quality sensors (temperature and flows describe the
plant's operation, as the organisers say); its form and parameters were fixed on the first half of
the recording, with the labels of that half and with simulated disturbances of its readings, and
it reads no label here.

PCA, LOF, KNN and isolation forest are scikit-learn's, per reading on the nine standardised
channels of the scored file, with the settings that TSB-AD's table lists (25 % of components;
50 neighbours; 25 trees).
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from lifeline_kit.bench.peers import installed, with_peers_if_any
from lifeline_kit.bench.run import Bench, Measured
from lifeline_kit.bench.vus import event_f1, vus_pr
from lifeline_kit.errors import InputError
from lifeline_kit.methods.residuals import joint_residual
from lifeline_kit.text import Text

_CHANNELS = ["Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2"]
_QUALITY = ["Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2"]
_FITTED_ON = "water/gecco2018/first_half.parquet"
_BUFFER = 57  # `vus.period` of the first channel of the first half
_RAISED = 1.8  # threshold of `event_f1_fixed`: the best one on the first half


def read(file: Path) -> pd.DataFrame:
    """Read one recording: `Time`, nine channels, `EVENT`; rows with a gap are left out.

    Raises
    ------
    InputError
        Where the file is not such a recording.
    """
    try:
        table = pd.read_parquet(file, columns=["Time", *_CHANNELS, "EVENT"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{file} is not a GECCO 2018 recording ({error}); expected Parquet with Time, "
            f"{', '.join(_CHANNELS)} and EVENT."
        ) from error
    return table.dropna().sort_values("Time", ignore_index=True)


def _classics(table: pd.DataFrame, seed: int) -> dict[str, np.ndarray]:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    x = StandardScaler().fit_transform(table[_CHANNELS].to_numpy(dtype=float))
    pca = PCA(whiten=True).fit(x)
    neighbours = NearestNeighbors(n_neighbors=51).fit(x)
    lof = LocalOutlierFactor(n_neighbors=50).fit(x)
    forest = IsolationForest(n_estimators=25, max_features=0.8, random_state=seed).fit(x)
    return {
        "pca": (pca.transform(x) ** 2).sum(axis=1),
        "knn": neighbours.kneighbors(x)[0][:, 1:].mean(axis=1),
        "lof": -lof.negative_outlier_factor_,
        "iforest": -forest.score_samples(x),
    }


def detect(table: pd.DataFrame) -> np.ndarray:
    """Score every reading of a recording with our detector; never sees the label."""
    return joint_residual(table["Time"].to_numpy(), table[_QUALITY].to_numpy().T)


def _measured(root: Path, seed: int) -> Measured:
    files = sorted((root / "water" / "gecco2018").glob("*.parquet"))
    if not files:
        raise InputError(
            f"{root} holds no water/gecco2018/*.parquet; expected the recording of GECCO 2018."
        )
    seen = [file for file in files if file.name == Path(_FITTED_ON).name]
    scored = [file for file in files if file not in seen] or seen
    values: dict[str, float] = {}
    notes = []
    for file in scored:
        one, note = _one(file, seed)
        values |= one if file == scored[0] else {f"{file.stem}_{k}": v for k, v in one.items()}
        notes.append(note)
    if scored is not seen:
        for file in seen:  # fitted on: apart
            values |= {f"fitted_half_{k}": v for k, v in _one(file, seed)[0].items()}
    return Measured(
        values=values,
        data=[file.relative_to(root).as_posix() for file in files],
        fitted_on=[_FITTED_ON],
        note="; ".join(notes),
    )


def _one(file: Path, seed: int) -> tuple[dict[str, float], str]:
    table = read(file)
    label = table["EVENT"].to_numpy(dtype=bool)
    score = detect(table)
    values = {
        "vus_pr": vus_pr(label, score, _BUFFER),
        "event_f1": event_f1(label, score),
        "event_f1_fixed": event_f1(label, score, _RAISED),
    }
    if installed(("sklearn",)):
        peers = _classics(table, seed)
        values |= {f"{name}_vus_pr": vus_pr(label, each, _BUFFER) for name, each in peers.items()}
        values["above_best_peer"] = values["vus_pr"] - max(
            values[f"{name}_vus_pr"] for name in peers
        )
    return values, (
        f"{file.name}: {label.size} rows, {label.sum()} of events, buffer {_BUFFER}"
        f"{'; the detector was fixed on this file' if file.name == Path(_FITTED_ON).name else ''}"
    )


def _measure(data: Path | None, seed: int) -> Measured:
    root = Path(data or ".")
    here = partial(_measured, root, seed)
    return with_peers_if_any("gecco", ("sklearn",), data, seed, here)


BENCH = Bench(
    name="gecco",
    title=Text("饮用水水质事件（GECCO 2018）", "drinking-water quality events (GECCO 2018)"),
    measure=_measure,
    needs_data=True,
)
