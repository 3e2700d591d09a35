"""`lifeline serve`."""

import argparse
from pathlib import Path

from lifeline_kit.cli.console import OK
from lifeline_kit.errors import CityError

_DEMO = Path("data") / "demo" / "wuhan"


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    serve = commands.add_parser("serve", help="serve the dashboards of a city")
    serve.add_argument("--city", type=Path, help="city folder (default: the bundled demo city)")
    serve.add_argument("--port", type=int, default=5006, help="default 5006")
    serve.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
    serve.set_defaults(command=_serve)


def demo_city() -> Path:
    """Find the bundled demo city: below this folder, or beside the package's checkout.

    Raises
    ------
    CityError
    """
    for root in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (root / _DEMO / "manifest.json").exists():
            return root / _DEMO
    raise CityError(
        "no demo city here; build one with 'lifeline demo build --out wuhan' and name it "
        "with --city wuhan."
    )


def _serve(options: argparse.Namespace) -> int:
    from lifeline_kit.views.serve import serve

    serve(options.city or demo_city(), host=options.host, port=options.port)
    return OK
