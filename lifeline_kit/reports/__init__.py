"""Reports as static files: no server, no network, no script needed to read them."""

from lifeline_kit.reports.write import FORMATS, write_report

__all__ = ["FORMATS", "write_report"]
