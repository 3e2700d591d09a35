"""Personal fields leave the house as pseudonyms or not at all.

A pseudonym is a salted HMAC-SHA256 of the value: equal values stay equal, so that rows can still
be joined, and nobody without the key can try values out.
"""

import hashlib
import hmac
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


def is_personal(column: Hashable, names: frozenset[str] = PERSONAL) -> bool:
    """Whether a column is personal: one of the names, or ending in one (``valve_owner``)."""
    folded = str(column).strip().casefold().replace("-", "_").replace(" ", "_")
    return folded in names or any(folded.endswith(f"_{name}") for name in names)


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
        Names of personal columns, lower case.
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
