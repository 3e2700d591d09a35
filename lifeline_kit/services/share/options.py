"""The query options of SensorThings, read into a small tree with limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lifeline_kit.services.share.catalogue import LINKS
from lifeline_kit.services.share.filters import MAX_LENGTH, Node, parse_filter
from lifeline_kit.services.share.problems import bad

DEFAULT_TOP = 100
MAX_TOP = {"Observations": 10_000}
MAX_TOP_OTHERS = 1_000
MAX_SKIP = 999_999_999
MAX_LEVELS = 3
FOR_ONE = ("$select", "$expand")
_KNOWN = ("$filter", "$orderby", "$top", "$skip", "$count", "$select", "$expand", "$resultFormat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is asked of one entity set."""

    filter: Node | None = None
    order: tuple[tuple[str, bool], ...] = ()  # property, descending
    top: int = DEFAULT_TOP
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    expand: Mapping[str, "Options"] = field(default_factory=dict)
    data_array: bool = False
    given: Mapping[str, str] = field(default_factory=dict)  # as written, for links to further pages


def read_options(name: str, given: Mapping[str, str], level: int = 0) -> Options:
    """Read the options asked of an entity set.

    Parameters
    ----------
    name : str
        The set.
    given : mapping of option to text
    level : int
        How deep in `$expand`.

    Raises
    ------
    Problem
        400, naming the option.
    """
    for option in given:
        if option.startswith("$") and option not in _KNOWN:
            raise bad(f"{option[:20]} is not in the subset; expected {', '.join(_KNOWN)}.")
    most = MAX_TOP.get(name, MAX_TOP_OTHERS)
    shape = given.get("$resultFormat")
    if shape is not None and (shape != "dataArray" or name != "Observations"):
        raise bad("$resultFormat can only be dataArray, and only for Observations.")
    return Options(
        filter=parse_filter(given["$filter"]) if "$filter" in given else None,
        order=tuple(_order(given.get("$orderby", ""))),
        top=min(_number(given, "$top", DEFAULT_TOP), most),
        skip=_number(given, "$skip", 0),
        count=_truth(given.get("$count", "false")),
        select=tuple(_list(given.get("$select", ""))),
        expand=_expand(name, given.get("$expand", ""), level),
        data_array=shape == "dataArray",
        given=given,
    )


def _number(given: Mapping[str, str], option: str, default: int) -> int:
    text = given.get(option)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > MAX_SKIP:
        raise bad(f"{option} must be a whole number from 0 to {MAX_SKIP}, got {text[:20]!r}.")
    return int(text)


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise bad(f"$count must be true or false, got {text[:20]!r}.")
    return text == "true"


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _order(text: str) -> Iterator[tuple[str, bool]]:
    for part in _list(text):
        path, _, direction = part.partition(" ")
        direction = direction.strip().lower() or "asc"
        if direction not in {"asc", "desc"}:
            raise bad(f"$orderby: {part[:60]!r} must end in asc or desc.")
        yield path, direction == "desc"


def _expand(name: str, text: str, level: int) -> dict[str, Options]:
    if not text.strip():
        return {}
    if len(text) > MAX_LENGTH:
        raise bad(f"$expand has {len(text)} characters, at most {MAX_LENGTH} are read.")
    if level >= MAX_LEVELS:
        raise bad(f"$expand is nested deeper than {MAX_LEVELS} levels.")
    found: dict[str, Options] = {}
    for part in _split(text, ","):
        path, _, inside = part.partition("(")
        if inside and not inside.endswith(")"):
            raise bad(f"$expand: a bracket of {path[:60]!r} is not closed.")
        link, _, deeper = path.strip().partition("/")
        if link not in LINKS[name]:
            known = ", ".join(LINKS[name]) or "nothing"
            raise bad(f"$expand: {name} leads to {known}, not to {link[:60]!r}.")
        given = dict(_inner(inside[:-1])) if inside else {}
        target, many = LINKS[name][link]
        if deeper:
            _expand(target, deeper, level + 1)
            given = {"$expand": deeper + (f"({inside}" if inside else "")}
        stray = [option for option in given if not many and option not in FOR_ONE]
        if stray:
            raise bad(f"$expand: {stray[0][:20]} has no meaning for the one {link}.")
        found[link] = read_options(target, given, level + 1)
    return found


def _inner(text: str) -> Iterator[tuple[str, str]]:
    for part in _split(text, ";"):
        option, mark, value = part.partition("=")
        if not mark:
            raise bad(f"$expand: {part[:60]!r} must read $option=value.")
        yield option.strip(), value


def _split(text: str, mark: str) -> list[str]:
    """Split outside brackets and quoted texts."""
    parts, depth, quoted, begin = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                raise bad(f"$expand: a bracket too many at character {position + 1}.")
            if character == mark and depth == 0:
                parts.append(text[begin:position])
                begin = position + 1
    if depth or quoted:
        raise bad("$expand: a bracket or quote is not closed.")
    return [part.strip() for part in (*parts, text[begin:]) if part.strip()]
