"""Personal fields leave the house as pseudonyms or not at all.

A pseudonym is an HMAC-SHA256 of the value with a secret key: equal values stay equal, so that rows
can still be joined, and nobody without the key can try values out.
"""

import hashlib
import hmac
import re
from collections.abc import Hashable

import geopandas as gpd

PERSONAL = frozenset(
    {
        "owner", "contact", "contact_name", "phone", "telephone", "mobile", "email", "address",
        "id_number", "id_card", "resident", "manager_name", "licence_plate",
        "业主", "户主", "姓名", "联系人", "负责人", "电话", "手机",
        "联系电话", "邮箱", "地址", "住址", "身份证", "身份证号", "车牌",
    }
)  # fmt: skip


_MORE = re.compile(r"(_?\d+|_(name|no|nr|number|code))$")  # phone_2, owner_name, phone_number


def folded(column: Hashable) -> str:
    """A column's name as names are compared: ``contactPhone`` is ``contact_phone``."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(column).strip())
    return re.sub(r"[-\s.]+", "_", text).casefold()


def is_personal(column: Hashable, names: frozenset[str] = PERSONAL) -> bool:
    """Whether a column is personal.

    It is one of the names, ends in one (``valve_owner``) or in one and a number or the like
    (``owner_name``, ``phone2``), or holds a Chinese one (``户主电话号码``).
    """
    whole = folded(column)
    for text in (whole, _MORE.sub("", whole)):
        if text in names or any(text.endswith(f"_{name}") for name in names):
            return True
    return any(name in whole for name in names if not name.isascii())


def anonymised(
    frame: gpd.GeoDataFrame, *, key: bytes | None, names: frozenset[str] = PERSONAL
) -> gpd.GeoDataFrame:
    """Return a copy without what points at a person.

    Parameters
    ----------
    frame : GeoDataFrame
    key : bytes or None
        Key of the pseudonyms; None takes the columns out.
    names : set of str
        Names of personal columns, `folded`.
    """
    columns = [column for column in frame.columns if is_personal(column, names)]
    if not columns:
        return frame
    if key is None:
        kept = [column for column in frame.columns if column not in columns]
        return gpd.GeoDataFrame(frame[kept], geometry=frame.geometry.name, crs=frame.crs)
    frame = frame.copy()
    for column in columns:
        frame[column] = [pseudonym(each, key) for each in frame[column]]
    return frame


def pseudonym(value: object, key: bytes) -> str | None:
    """Stand-in for one value; nothing stays nothing."""
    if value is None or value != value or value == "":  # NaN differs from itself
        return None
    digest = hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest()
    return f"anon-{digest[:16]}"
