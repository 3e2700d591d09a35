"""`lifeline share`: a read-only HTTP service of a city, and the tokens that open it."""

import argparse
from pathlib import Path

from rich.table import Table

from lifeline_kit.cli.console import OK, err, out
from lifeline_kit.errors import InputError

_TOKENS = Path("share-tokens.json")


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    share = commands.add_parser("share", help="share a city over HTTP: SensorThings, GeoJSON, CSV")
    share.add_argument("--city", type=Path, help="city folder")
    share.add_argument("--port", type=int, default=8080)
    share.add_argument("--host", default="127.0.0.1", help="other addresses need --tokens")
    share.add_argument("--tokens", type=Path, metavar="FILE", help="who may read what")
    share.add_argument("--rate", type=float, default=20.0, help="requests per second of a caller")
    share.add_argument("--burst", type=float, default=100.0, help="requests at once of a caller")
    share.add_argument("--public-url", default="", metavar="URL", help="behind a proxy")
    share.add_argument("--cors", nargs="+", default=[], metavar="ORIGIN", help="default: none")
    share.add_argument(
        "--personal", nargs="+", default=[], metavar="COLUMN", help="more personal columns"
    )
    share.add_argument(
        "--remove-personal", action="store_true", help="take them out instead of pseudonyms"
    )
    share.set_defaults(command=_share)
    _add_token(share.add_subparsers(metavar="token"))


def _add_token(parts: argparse._SubParsersAction) -> None:
    token = parts.add_parser("token", help="add, list or remove tokens")
    actions = token.add_subparsers(required=True, metavar="ACTION")
    for name, command in (("add", _token_add), ("list", _token_list), ("remove", _token_remove)):
        action = actions.add_parser(name)
        if name != "list":
            action.add_argument("name")
        if name == "add":
            action.add_argument("--scope", nargs="+", default=["read:things", "read:readings"])
        action.add_argument("--tokens", type=Path, default=_TOKENS, metavar="FILE")
        action.set_defaults(command=command)


def _share(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.personal import PERSONAL
    from lifeline_kit.services.share.serve import serve
    from lifeline_kit.services.share.settings import Settings, pseudonym_key

    if options.city is None:
        raise InputError("expected --city DIR, or 'share token add|list|remove'.")
    settings = Settings(
        tokens=options.tokens,
        rate=options.rate,
        burst=options.burst,
        pseudonym_key=pseudonym_key(options.remove_personal),
        personal=PERSONAL | {name.casefold() for name in options.personal},
        public_url=options.public_url,
        origins=tuple(options.cors),
    )
    shown = f"[{options.host}]" if ":" in options.host else options.host
    err.print(f"http://{shown}:{options.port}/", highlight=False, markup=False)
    serve(options.city, settings, host=options.host, port=options.port)
    return OK


def _token_add(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import add_token

    secret = add_token(options.tokens, options.name, options.scope)
    err.print(f"added to {options.tokens}; the token is shown only now:", highlight=False)
    out.print(secret, highlight=False, soft_wrap=True)
    return OK


def _token_list(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import read_tokens

    table = Table("name", "scopes", "created")
    for token in read_tokens(options.tokens):
        table.add_row(token.name, " ".join(token.scopes), token.created)
    out.print(table)
    return OK


def _token_remove(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import remove_token

    remove_token(options.tokens, options.name)
    err.print(f"removed {options.name} from {options.tokens}", highlight=False)
    return OK
