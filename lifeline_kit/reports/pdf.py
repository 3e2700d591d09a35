"""The page on paper: PDF/A-3b with the report's values and tables attached."""

import re
from collections.abc import Mapping
from datetime import datetime

from lifeline_kit.charts.fonts import FAMILY, has_chinese
from lifeline_kit.errors import MissingPartError
from lifeline_kit.reports.attach import JSON_NAME

_WHAT = {
    JSON_NAME: ("Data", "every value of the report by its field"),
    "findings.csv": ("Supplement", "all findings of the report"),
    "warnings.csv": ("Supplement", "all warnings of the report"),
    "scores.csv": ("Supplement", "all scores of the report"),
}
_LEDGER = ("Supplement", "what the report rests on in the ledger")
_CHINESE = re.compile("[\u4e00-\u9fff]")


def pdf_of(html: str, attached: Mapping[str, bytes], *, at: datetime) -> bytes:
    """Lay a page out as PDF/A-3b.

    Parameters
    ----------
    html : str
        From `page.page`, for paper.
    attached : mapping of file name to bytes
    at : datetime
        Time of the attachments; the same report gives the same ones.

    Raises
    ------
    MissingPartError
        Where pango is not installed, or no Chinese font for a page with Chinese on it: an archived
        file must carry its letters, and empty boxes are no report.
    """
    try:
        import weasyprint
    except OSError as error:
        raise MissingPartError(
            "PDF needs the pango library; install it (Debian: libpango-1.0-0 libpangoft2-1.0-0), "
            "or ask for html."
        ) from error
    if _CHINESE.search(html) and not has_chinese():
        raise MissingPartError(
            f"the report holds Chinese text and no Chinese font is installed; expected {FAMILY!r}. "
            "Install fonts-noto-cjk (Debian, Ubuntu), or ask for html or docx."
        )
    attachments = [
        weasyprint.Attachment(
            string=content,
            name=name,
            description=_WHAT.get(name, _LEDGER)[1],
            relationship=_WHAT.get(name, _LEDGER)[0],
            created=at,
            modified=at,
        )
        for name, content in attached.items()
    ]
    return weasyprint.HTML(string=html).write_pdf(
        pdf_variant="pdf/a-3b", attachments=attachments, pdf_identifier=b"lifeline_kit"
    )
