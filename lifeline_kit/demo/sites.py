"""Sites of the supplies chain and of rescue: hospitals, schools, stores, depots."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lifeline_kit.demo.fittings import far_apart, point_table
from lifeline_kit.demo.ground import Ground
from lifeline_kit.demo.streets import Streets

KINDS = {
    "hospital": ("医院", "Hospital", "S-H"),
    "school": ("学校", "School", "S-C"),
    "fire_station": ("消防站", "Fire station", "S-F"),
    "shelter": ("应急避难场所", "Shelter", "S-E"),
    "warehouse": ("应急物资储备库", "Warehouse", "S-W"),
    "market": ("农贸市场", "Market", "S-M"),
    "depot": ("抢修驻点", "Repair depot", "S-D"),
}


def lay_sites(
    streets: Streets, ground: Ground, numbers: Mapping[str, int], *, rng: np.random.Generator
) -> pd.DataFrame:
    """Place sites where people live, spread over the city; their names are numbers."""
    crowd = np.sqrt(ground.people_near(streets.xy) + 1.0)
    parts = []
    for kind, (zh, en, prefix) in KINDS.items():
        order = np.argsort(-crowd * rng.random(crowd.size), kind="stable")
        nodes = far_apart(streets.xy, order, numbers[kind])
        xy = streets.xy[nodes] + rng.uniform(-25.0, 25.0, (nodes.size, 2))
        count = range(1, nodes.size + 1)
        parts.append(
            point_table(
                xy,
                ground,
                lifeline="supplies",
                kind=kind,
                prefix=prefix,
                name_zh=[f"示范{zh} {k} 号" for k in count],
                name_en=[f"{en} {k}" for k in count],
                year=rng.integers(1985, 2022, nodes.size),
                people=np.round(ground.people_near(xy) * rng.uniform(0.5, 3.0, nodes.size)),
            )
        )
    return pd.concat(parts)
