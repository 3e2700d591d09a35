"""What a visitor has chosen. Pages write it, and everything drawn follows from it."""

from collections.abc import Mapping

import param

from lifeline_kit.text import LANGS


class State(param.Parameterized):
    """The choices of one session; lifeline and asset stand in the address, to be sent on.

    Attributes
    ----------
    lang : {'zh', 'en'}
        Fixed for a session: the other language is another page load.
    moment : Timestamp or None
        None: the moment of the stored examination.
    lifeline : str
        Key; empty for all.
    asset : str
        Id of the chosen asset; empty for none.
    role : str
        Who looks; 'manager' until there are accounts.
    """

    lang = param.Selector(default=LANGS[0], objects=list(LANGS), constant=True)
    moment = param.Parameter(default=None, allow_None=True)
    lifeline = param.String(default="")
    asset = param.String(default="")
    role = param.String(default="manager")


def state_of(query: Mapping[str, list[bytes]]) -> State:
    """Read the choices that stand in the address of a page.

    Parameters
    ----------
    query : mapping
        Arguments of the request, as Panel gives them.
    """

    def first(name: str) -> str:
        values = query.get(name) or [b""]
        return values[0].decode("utf-8", "replace")[:80]

    lang = first("lang")
    return State(
        lang=lang if lang in LANGS else LANGS[0], lifeline=first("lifeline"), asset=first("asset")
    )
