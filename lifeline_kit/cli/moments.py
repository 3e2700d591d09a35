"""Moments as people type them, and this machine's clock; all in UTC."""

from datetime import UTC, datetime

import numpy as np

from lifeline_kit.errors import InputError


def now() -> np.datetime64:
    """UTC, by this machine's clock."""
    return np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ms")


def moment(text: str | None, option: str) -> np.datetime64 | None:
    """Read a moment in UTC or with a zone; None for none.

    Raises
    ------
    InputError
        Names the option.
    """
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{option} {text!r} is no moment; expected UTC or with a zone, such as "
            "2026-01-31T08:00 or 2026-01-31T16:00+08:00."
        ) from error
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(found, "ms")
