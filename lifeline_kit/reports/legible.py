"""Text from outside, made safe to read: nothing invisible or endless, nothing lost silently."""

import re

from lifeline_kit.text import Lang, Text

MOST = 500  # characters; the longest text the program itself writes has fewer
# Controls, lone surrogates and non-characters break XML; marks of direction reorder what is read
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CUT = Text("…（共 {n:,} 字，全文见附件）", "… ({n:,} characters, whole text in the attachment)")


def legible(text: str, lang: Lang, most: int = MOST) -> str:
    r"""Write out what cannot be seen as `[U+202E]`, and cut what is too long, saying so.

    Examples
    --------
    >>> legible("valve \u202e7", "en")
    'valve [U+202E]7'
    >>> legible("x" * 20, "en", most=5)
    'xxxxx… (20 characters, whole text in the attachment)'
    """
    n = len(text)
    head = text if n <= most else text[:most]
    seen = _UNREADABLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", head)
    return seen if n <= most else seen + _CUT.format(n=n)(lang)
