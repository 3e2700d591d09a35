"""`lifeline share`: a read-only HTTP service of a city, and the tokens that open it."""

import argparse
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from lifeline_kit.cli.console import OK, err, out
from lifeline_kit.errors import InputError

_TOKENS = Path("share-tokens.json")


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    share = commands.add_parser(
        "share",
        help="share a city over HTTP: SensorThings, GeoJSON, CSV",
        description="Serve a city read-only over HTTP: OGC SensorThings 1.1, GeoJSON, CSV and "
        "Parquet. GET / names the doors. Personal columns leave as pseudonyms, except to tokens "
        "with read:personal.",
        epilog="example: lifeline share token add bureau --scope read:things read:readings; "
        "lifeline share --city DIR --host 0.0.0.0 --tokens share-tokens.json",
    )
    share.add_argument("--city", type=Path, help="city folder")
    share.add_argument("--port", type=int, default=8080, help="default 8080; 0 takes a free one")
    share.add_argument("--host", default="127.0.0.1", help="other addresses need --tokens")
    share.add_argument("--tokens", type=Path, metavar="FILE", help="who may read what")
    share.add_argument("--rate", type=float, default=20.0, help="requests per second of a caller")
    share.add_argument("--burst", type=float, default=100.0, help="requests at once of a caller")
    share.add_argument("--public-url", default="", metavar="URL", help="own address behind a proxy")
    share.add_argument(
        "--cors", nargs="+", default=[], metavar="ORIGIN", help="web pages that may read it (none)"
    )
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
    for name, command, about in (
        ("add", _token_add, "make a token; it is shown once"),
        ("list", _token_list, "names, scopes and dates; never the tokens"),
        ("remove", _token_remove, "shut a token out, at once"),
    ):
        action = actions.add_parser(name, help=about)
        if name != "list":
            action.add_argument("name", help="whom the token is for")
        if name == "add":
            action.add_argument(
                "--scope", nargs="+", default=["read:things", "read:readings"],
                help="some of read:things read:readings (these by default) read:warnings "
                "read:personal",
            )  # fmt: skip
        action.add_argument(
            "--tokens", type=Path, default=argparse.SUPPRESS, metavar="FILE",
            help=f"default {_TOKENS}",
        )  # fmt: skip
        action.set_defaults(command=command)


def _share(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.personal import PERSONAL, folded
    from lifeline_kit.services.share.serve import serve
    from lifeline_kit.services.share.settings import Settings, pseudonym_key

    if options.city is None:
        raise InputError("expected --city DIR, or 'share token add|list|remove'.")
    settings = Settings(
        tokens=options.tokens,
        rate=options.rate,
        burst=options.burst,
        pseudonym_key=pseudonym_key(options.remove_personal),
        personal=PERSONAL | {folded(name) for name in options.personal},
        public_url=options.public_url,
        origins=tuple(options.cors),
    )
    serve(
        options.city,
        settings,
        host=options.host,
        port=options.port,
        say=_say,
    )
    return OK


def _token_add(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import add_token

    file = options.tokens or _TOKENS
    secret = add_token(file, options.name, options.scope)
    _say(f"added to {file}; the token is shown only now:")
    out.print(secret, highlight=False, soft_wrap=True)
    return OK


def _token_list(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import read_tokens

    table = Table("name", "scopes", "created")
    for token in read_tokens(options.tokens or _TOKENS):
        table.add_row(escape(token.name), " ".join(token.scopes), token.created)
    out.print(table)
    return OK


def _token_remove(options: argparse.Namespace) -> int:
    from lifeline_kit.services.share.tokens import remove_token

    file = options.tokens or _TOKENS
    remove_token(file, options.name)
    _say(f"removed {options.name} from {file}")
    return OK


def _say(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)
