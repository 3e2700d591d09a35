"""The Chinese typeface of printed charts: Noto Sans CJK SC of the system, never bundled.

Charts keep their text as text, so the reader's own Chinese font draws it; the font found here only
measures. Matplotlib before 3.11 sees one face of the collection (JP), whose widths are the same.
"""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import findSystemFonts, fontManager

FAMILY = "Noto Sans CJK SC"
STACK = f"'{FAMILY}', 'Source Han Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"
_MEASURES = (FAMILY, "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC")
_FILES = ("notosanscjk", "notosanssc", "sourcehansans", "msyh", "pingfang")
_LAST = "DejaVu Sans"  # matplotlib's own


@lru_cache(maxsize=1)
def measuring_font() -> str:
    """Name an installed font by which Chinese text can be measured.

    Without one it warns and names matplotlib's own: the text in the file stays right, its place
    may be a little off.
    """
    installed = {entry.name for entry in fontManager.ttflist}
    found = next((name for name in _MEASURES if name in installed), None)
    if found is None:
        warnings.warn(
            f"the font {FAMILY!r} is not installed; Chinese labels may sit badly. "
            "Install fonts-noto-cjk (Debian, Ubuntu) and delete matplotlib's font cache.",
            UserWarning,
            stacklevel=2,
        )
        return _LAST
    return found


@contextmanager
def printed() -> Generator[None]:
    """Style of all printed charts, as a context."""
    font = measuring_font()
    style: dict[str, Any] = {
        "font.family": [font],
        "font.size": 8.0,
        "svg.fonttype": "none",
        "svg.hashsalt": "lifeline_kit",  # the same chart gives the same bytes
        "axes.unicode_minus": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#9aa5b1",
        "axes.linewidth": 0.7,
        "xtick.color": "#616e7c",
        "ytick.color": "#616e7c",
        "text.color": "#1f2933",
        "axes.labelcolor": "#616e7c",
        "path.simplify": True,
        "text.parse_math": False,  # a dollar in a name is a dollar
    }
    with mpl.rc_context(style), warnings.catch_warnings():
        if font == _LAST:
            warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def with_stack(svg: str) -> str:
    """Name the whole stack of fonts wherever a chart names the measuring one."""
    font = measuring_font()
    return svg.replace(f"'{font}'", STACK).replace(f'"{font}"', STACK)


@lru_cache(maxsize=1)
def has_chinese() -> bool:
    """Whether a file of a Chinese font is on the system now; matplotlib's own list may be old."""
    files = (Path(file).name.lower() for file in findSystemFonts())
    return any(file.startswith(_FILES) for file in files)
