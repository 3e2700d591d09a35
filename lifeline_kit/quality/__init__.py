"""Quality control: every reading gets a QARTOD flag and the mask of the tests that gave it."""

from lifeline_kit.quality.flags import flag_city, sparse_flags
from lifeline_kit.quality.health import sensor_health, sensor_health_findings

__all__ = ["flag_city", "sensor_health", "sensor_health_findings", "sparse_flags"]
