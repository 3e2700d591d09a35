"""Simulated hazards (隐患) of the demo city, registered, mended and some of them late."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lifeline_kit.early_warning.duty import Duty
from lifeline_kit.io.ledger import Draft
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.model.readings import stamp
from lifeline_kit.text import Text

_KINDS = (  # kinds and levels that supervision platforms keep; the share of each is our guess
    Text("管道老化", "ageing main"),
    Text("违章占压", "built over"),
    Text("安全间距不足", "too close to other works"),
    Text("第三方施工影响", "third-party works nearby"),
)
_N = 24
_LEVELS, _SHARES = (1, 2, 3), (0.1, 0.35, 0.55)
_DAYS = {1: 10, 2: 20, 3: 30}  # until a hazard is to be mended
_ON_TIME = 0.75
_DAY = np.timedelta64(86_400_000, "ms")
_BEFORE = 20.0  # days before the first reading from which hazards are known


def hazards(
    city: City, examination: Examination, duty: Duty, rng: np.random.Generator
) -> Iterator[tuple[pd.Timestamp, list[Draft]]]:
    """Yield when what is done to each hazard; they stand at assets of red and orange risk.

    Parameters
    ----------
    city : City
    examination : Examination
    duty : Duty
    rng : Generator
    """
    risk = examination.risk
    risky = risk.index[risk["level"].isin([1, 2])]
    since, at = examination.since.to_datetime64(), examination.at.to_datetime64()
    span = float((at - since) / _DAY) + _BEFORE
    for number, asset in enumerate(rng.choice(risky, min(_N, len(risky)), replace=False), start=1):
        level = int(rng.choice(_LEVELS, p=_SHARES))
        kind = _KINDS[int(rng.integers(len(_KINDS)))]
        lifeline = str(city.assets["lifeline"][asset])
        unit = duty.units[lifeline][0]
        begin = since + _days(rng.uniform(0.0, span) - _BEFORE)
        due = begin + _days(_DAYS[level])
        item = f"HZ-{number:04d}"
        body = {
            "level": level, "unit": unit.zh, "unit_en": unit.en, "due": str(due),
            "title_zh": f"{kind.zh}（模拟）", "title_en": f"{kind.en} (simulated)",
            "lifeline": lifeline, "asset": str(asset), "origin": "simulated",
        }  # fmt: skip
        yield stamp(begin), [_act(item, "register", body)]
        share = rng.uniform(0.3, 0.95) if rng.random() < _ON_TIME else rng.uniform(1.05, 2.0)
        mended = begin + _days(share * _DAYS[level])
        yield stamp(mended), [_act(item, "submit", {"text": "已整改（模拟）"})]
        yield stamp(mended + _DAY), [_act(item, "accept", {})]


def _days(days: float) -> np.timedelta64:
    """Days, to the minute."""
    return np.timedelta64(round(days * 1440) * 60_000, "ms")


def _act(item: str, act: str, body: dict) -> Draft:
    return Draft(entity="hazard", item=item, act=act, actor="巡检（模拟）", body=body,
                 key=f"demo:{item}:{act}")  # fmt: skip
