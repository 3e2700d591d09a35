"""What the sharing service answers when it cannot serve: RFC 9457 problem details."""

from http import HTTPStatus


class Problem(Exception):  # noqa: N818 - an answer, not a failure of ours
    """Ends a request with a status and a sentence that names no path and no machine."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def problem(status: int, detail: str) -> dict[str, object]:
    """Build a problem document."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }


def bad(detail: str) -> Problem:
    """A request that asks for something we do not understand."""
    return Problem(400, detail)


def absent(detail: str) -> Problem:
    """Nothing there."""
    return Problem(404, detail)
