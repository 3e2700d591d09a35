"""Text in two languages, written beside the thing it names."""

from dataclasses import dataclass
from typing import Literal, get_args

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = get_args(Lang)


@dataclass(frozen=True, slots=True)
class Text:
    """One message in Chinese and in English.

    Examples
    --------
    >>> title = Text("燃气", "Gas")
    >>> title("zh"), title("en")
    ('燃气', 'Gas')
    >>> Text("{n} 个", "{n} of them").format(n=3)("en")
    '3 of them'
    """

    zh: str
    en: str

    def __call__(self, lang: Lang) -> str:
        """One of the two languages."""
        return self.zh if lang == "zh" else self.en

    def format(self, **values: object) -> "Text":
        """Fill both languages with the same values."""
        return Text(self.zh.format(**values), self.en.format(**values))
