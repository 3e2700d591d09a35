"""Quality control: every reading gets a QARTOD flag and the mask of the tests that gave it."""

from lifeline_kit.quality.comparison import doubts
from lifeline_kit.quality.flags import flag_city, mark_doubts, sparse_flags
from lifeline_kit.quality.health import (
    cell_of,
    health_by,
    sensor_health,
    sensor_health_findings,
)

__all__ = [
    "cell_of",
    "doubts",
    "flag_city",
    "health_by",
    "mark_doubts",
    "sensor_health",
    "sensor_health_findings",
    "sparse_flags",
]
