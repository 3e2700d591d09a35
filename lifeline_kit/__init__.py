"""lifeline_kit: an open analysis and reporting workbench for city lifelines (城市生命线)."""

from importlib.metadata import version

from lifeline_kit.errors import LifelineError
from lifeline_kit.model.city import City
from lifeline_kit.model.examination import Examination
from lifeline_kit.text import Text

__version__ = version("lifeline_kit")
__all__ = ["City", "Examination", "LifelineError", "Text", "__version__"]
