"""Making a check-up report from a page, and handing the file out."""

from pathlib import Path

from tornado.web import StaticFileHandler

from lifeline_kit.io.examinations import derived_folder
from lifeline_kit.model.city import City
from lifeline_kit.services.books import answered, book_until
from lifeline_kit.text import Lang
from lifeline_kit.views.store import Store


def reports_folder(city: City) -> Path:
    """Return (and make) the folder of a city's reports."""
    folder = derived_folder(city) / "reports"
    folder.mkdir(exist_ok=True)
    return folder


def make_report(store: Store, lang: Lang, district: str = "") -> Path:
    """Write the check-up report of the city or of one district.

    Parameters
    ----------
    store : Store
    lang : {'zh', 'en'}
    district : str
        Id of an area; empty for the whole city.

    Returns
    -------
    Path
        One self-contained HTML file.

    Raises
    ------
    ServiceError
        Where no examination is stored yet.
    LifelineError
        From the report itself.
    """
    from lifeline_kit.reports import write_report

    examination = store.examined()
    part = f"-{district}" if district else ""
    file = reports_folder(store.city) / f"checkup-{examination.at:%Y%m%d}{part}-{lang}.html"
    book = book_until(store.city, examination.at.to_datetime64())
    write_report(
        store.city,
        answered(store.city, examination, book),
        file,
        lang=lang,
        district=district or None,
        book=book,
    )
    return file


def report_address(file: Path) -> str:
    """Return the address of a report, relative to the pages."""
    return f"reports/{file.name}"


def report_route(city: City) -> tuple[str, type[StaticFileHandler], dict]:
    """Return the route of a city's reports, for the server's extra patterns."""
    return (r"/reports/([^/]+\.html)", StaticFileHandler, {"path": str(reports_folder(city))})
