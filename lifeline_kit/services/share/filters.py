"""`$filter`: a small language, parsed by hand, evaluated on columns; no text of it is ever SQL.

What it knows: ``and or not``, ``eq ne gt ge lt le``, ``contains(a, b)``, ``substringof(b, a)``,
``startswith``, ``endswith``, ``tolower``, ``toupper``, ``length``; texts in single quotes (a quote
inside is doubled), numbers, ``true false null`` and ISO 8601 times with zone. Arithmetic, ``in``,
geospatial and date-part functions of the standard are not in the subset.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

import numpy as np

from lifeline_kit.services.share.problems import bad

MAX_LENGTH = 2_000
MAX_TOKENS = 300
MAX_DEPTH = 20

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<time>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[^\W\d][\w.@/:-]*)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lt": np.less,
    "le": np.less_equal,
}
_MIRRORED = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}

Literal = str | float | bool | np.datetime64 | None
Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Name:
    """A property or a path through a to-one relation."""

    path: str


@dataclass(frozen=True, slots=True)
class Value:
    """A literal."""

    value: Literal


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function on its arguments."""

    name: str
    arguments: tuple["Node", ...]


Node = Name | Value | Call


class _Token(NamedTuple):
    kind: str
    text: str


_ARITY = {
    "contains": 2,
    "substringof": 2,
    "startswith": 2,
    "endswith": 2,
    "tolower": 1,
    "toupper": 1,
    "length": 1,
}
_TRUTH = {"contains", "substringof", "startswith", "endswith", "and", "or", "not", *_COMPARE}


def parse_filter(text: str) -> Node:
    """Parse a `$filter`.

    Raises
    ------
    Problem
        400, saying at which character.
    """
    if len(text) > MAX_LENGTH:
        raise bad(f"$filter has {len(text)} characters, at most {MAX_LENGTH} are read.")
    parser = _Parser(list(_tokens(text)))
    node = parser.disjunction(0)
    parser.expect_end()
    if not _is_truth(node):
        raise bad("$filter must be a comparison or a test, for instance result gt 0.5.")
    return node


def _is_truth(node: Node) -> bool:
    if isinstance(node, Value):
        return isinstance(node.value, bool)
    return isinstance(node, Call) and node.name in _TRUTH


def _tokens(text: str) -> Iterator[_Token]:
    position, count = 0, 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.end() == position:
            raise bad(f"$filter cannot be read at character {position + 1}.")
        count += 1
        if count > MAX_TOKENS:
            raise bad(f"$filter has more than {MAX_TOKENS} words.")
        kind = str(match.lastgroup)
        yield _Token(kind, match.group(kind))
        position = match.end()


class _Parser:
    """Recursive descent over the words of one filter."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.position = 0

    def disjunction(self, depth: int) -> Node:
        return self._chain("or", lambda: self._chain("and", lambda: self._negation(depth)))

    def expect_end(self) -> None:
        if self.position < len(self.tokens):
            self._fail(f"unexpected {self.tokens[self.position].text[:40]!r}")

    def _chain(self, word: str, inner: Callable[[], Node]) -> Node:
        node = inner()
        while self._take("name", word):
            right = inner()
            if not (_is_truth(node) and _is_truth(right)):
                self._fail(f"both sides of {word!r} must be tests")
            node = Call(word, (node, right))
        return node

    def _negation(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}")
        if self._take("name", "not"):
            inner = self._negation(depth + 1)
            if not _is_truth(inner):
                self._fail("'not' needs a test")
            return Call("not", (inner,))
        left = self._operand(depth)
        for word in _COMPARE:
            if self._take("name", word):
                return Call(word, (left, self._operand(depth)))
        return left

    def _operand(self, depth: int) -> Node:
        token = self._next()
        if token == ("mark", "("):
            node = self.disjunction(depth + 1)
            self._close()
            return node
        if token.kind == "name" and token.text in _ARITY and self._take("mark", "("):
            return self._call(token.text, depth)
        if token.kind == "name" and token.text not in {"true", "false", "null"}:
            return Name(token.text)
        if token.kind == "mark":
            self._fail(f"unexpected {token.text!r}")
        return Value(_literal(token))

    def _call(self, name: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH}")
        arguments = [self._operand(depth + 1)]
        while self._take("mark", ","):
            arguments.append(self._operand(depth + 1))
        self._close()
        if len(arguments) != _ARITY[name]:
            self._fail(f"{name} takes {_ARITY[name]} arguments, got {len(arguments)}")
        return Call(name, tuple(arguments))

    def _next(self) -> _Token:
        if self.position >= len(self.tokens):
            self._fail("it ends too early")
        token = self.tokens[self.position]
        self.position += 1
        return token

    def _take(self, kind: str, text: str) -> bool:
        here = self.position < len(self.tokens) and self.tokens[self.position] == (kind, text)
        self.position += here
        return here

    def _close(self) -> None:
        if not self._take("mark", ")"):
            self._fail("a bracket is not closed")

    def _fail(self, what: str) -> NoReturn:
        raise bad(f"$filter: {what} (word {self.position + 1}).")


def _literal(token: _Token) -> Literal:
    if token.kind == "text":
        return token.text[1:-1].replace("''", "'")
    if token.kind == "number":
        return float(token.text)
    if token.kind == "time":
        return moment(token.text)
    return {"true": True, "false": False}.get(token.text)


def moment(text: str) -> np.datetime64:
    """Read an ISO 8601 time with zone as UTC.

    Raises
    ------
    Problem
        400, for what is no such time.
    """
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise bad(f"time {text[:40]!r} has no zone; write 2026-10-01T00:00:00Z.")
        return np.datetime64(found.astimezone(UTC).replace(tzinfo=None), "ms")
    except (ValueError, OverflowError):
        raise bad(f"time {text[:40]!r} is no time; write 2026-10-01T00:00:00Z.") from None


def matches(node: Node, columns: Columns, size: int) -> np.ndarray:
    """Which rows a filter keeps.

    Parameters
    ----------
    node : Node
        From `parse_filter`.
    columns : mapping of name to array, (row,)
    size : int

    Returns
    -------
    bool array, (row,)

    Raises
    ------
    Problem
        400, for a property that is not there or a comparison of different kinds.
    """
    return np.broadcast_to(_evaluate(node, columns, size), (size,)).astype(bool)


def _evaluate(node: Node, columns: Columns, size: int) -> np.ndarray:
    if isinstance(node, Value):
        if node.value is None or isinstance(node.value, str):
            return np.array(node.value, dtype=object)
        return np.array(node.value)
    if isinstance(node, Name):
        if node.path not in columns:
            raise bad(f"$filter: {node.path[:60]!r} is no property that can be filtered here.")
        return columns[node.path]
    arguments = [_evaluate(argument, columns, size) for argument in node.arguments]
    if node.name == "not":
        return ~np.broadcast_to(arguments[0], (size,)).astype(bool)
    if node.name in {"and", "or"}:
        left, right = (np.broadcast_to(each, (size,)).astype(bool) for each in arguments)
        return left & right if node.name == "and" else left | right
    if node.name in _COMPARE:
        return _compared(node.name, arguments[0], arguments[1])
    return _called(node.name, arguments, size)


def _compared(name: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    for one, other in ((left, right), (right, left)):
        if one.ndim == 0 and one.dtype == object and one.item() is None:
            missing = _missing(other)
            return missing if name == "eq" else ~missing if name == "ne" else missing & False
    if left.dtype == object and right.dtype == object:
        both = np.broadcast_arrays(left, right)
        here = ~_missing(both[0]) & ~_missing(both[1])
        found = np.full(both[0].shape, name == "ne")
        found[here] = _COMPARE[name](both[0][here].astype(str), both[1][here].astype(str))
        return found
    if _kind(left) != _kind(right):
        raise bad(f"$filter: {_kind(left)} cannot be compared with {_kind(right)}.")
    if np.float32 in (left.dtype, right.dtype):  # what is shown as 0.1 equals 0.1
        with np.errstate(over="ignore"):
            left, right = left.astype(np.float32), right.astype(np.float32)
    return _COMPARE[name](left, right)


def _kind(array: np.ndarray) -> str:
    return {"M": "a time", "O": "text", "U": "text", "b": "true or false"}.get(
        array.dtype.kind, "a number"
    )


def _missing(array: np.ndarray) -> np.ndarray:
    if array.dtype == object:
        return np.asarray(np.frompyfunc(lambda each: each is None, 1, 1)(array), dtype=bool)
    if array.dtype.kind == "M":
        return np.isnat(array)
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)


def _called(name: str, arguments: list[np.ndarray], size: int) -> np.ndarray:
    if any(argument.dtype != object for argument in arguments):
        raise bad(f"$filter: {name} needs text.")
    first = np.broadcast_to(arguments[0], (size,))
    texts = ["" if each is None else str(each) for each in first]
    if name in {"tolower", "toupper"}:
        changed = [each.lower() if name == "tolower" else each.upper() for each in texts]
        return _texts(changed)
    if name == "length":
        return np.array([float(len(each)) for each in texts])
    second = ["" if each is None else str(each) for each in np.broadcast_to(arguments[1], (size,))]
    tests: dict[str, Callable[[str, str], bool]] = {
        "contains": lambda a, b: b in a,
        "substringof": lambda a, b: a in b,
        "startswith": lambda a, b: a.startswith(b),
        "endswith": lambda a, b: a.endswith(b),
    }
    return np.array([tests[name](a, b) for a, b in zip(texts, second, strict=True)], dtype=bool)


def _texts(values: list[str]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def conjuncts(node: Node | None) -> Iterator[tuple[str, str, Literal]]:
    """Yield the comparisons (path, operator, literal) that every kept row must fulfil."""
    if not isinstance(node, Call):
        return
    if node.name == "and":
        for argument in node.arguments:
            yield from conjuncts(argument)
    elif node.name in _COMPARE:
        left, right = node.arguments
        if isinstance(left, Name) and isinstance(right, Value):
            yield left.path, node.name, right.value
        elif isinstance(left, Value) and isinstance(right, Name):
            yield right.path, _MIRRORED[node.name], left.value
