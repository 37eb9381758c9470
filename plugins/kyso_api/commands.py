"""``kyso serve`` and ``kyso token``. Help pages come from the catalogues, see `kyso.cli.group_help`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kyso import text
from kyso.cli import output
from kyso.cli.secrets import from_environment
from kyso.plugin import VIETNAM_TIME, KeyTrouble, Secret, WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from kyso.cli.common import Common
    from kyso.config import Config
    from kyso.records.store import Records
    from kyso_api.tokens import Token

DEFAULT_PORT = 8770
_GREATEST_SECRET = 4096

serve_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
token_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@serve_app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535)] = DEFAULT_PORT,
    secret_env: Annotated[list[str] | None, typer.Option("--secret-env", metavar="[KEY=]NAME")] = None,
    secret_file: Annotated[list[str] | None, typer.Option("--secret-file", metavar="[KEY=]FILE")] = None,
) -> int:
    """Run the service."""
    from kyso.serving.problems import ToldProblem
    from kyso_api import running, tokens
    from kyso_api.settings import settings_of

    common: Common = ctx.obj
    config = common.config
    settings = settings_of(config)
    secrets = _secrets(config, secret_env or [], secret_file or [])

    def announce(url: str, service: Any) -> None:
        opened = sorted(secrets) or ["-"]
        output.say("api.serving", common.language, {"url": url, "keys": opened, "workers": settings.workers})
        if host not in running.LOOPBACK:
            output.say("api.open_to_others", common.language, {"host": host})
        if not tokens.everyone(service.records):
            output.say("api.no_token_yet", common.language)

    try:
        running.run(config, settings, secrets, host=host, port=port, online=common.online, announce=announce)
    except ToldProblem as told:
        # A worker refused to start; its words came along.
        document = told.document
        output.note(f"{document[f'message_{common.language}']} [{document['code']}]")
        output.note(document[f"next_{common.language}"])
        return 7
    return 0


def _secrets(config: Config, variables: list[str], files: list[str]) -> dict[str, Secret]:
    """Read the keys' passwords: from environment variables and files that the administrator names.

    :raises WrongUse: the key is not named and there is not exactly one, or a key is named twice.
    """
    found: dict[str, Secret] = {}
    for given, read in (*((name, from_environment) for name in variables), *((name, _from_file) for name in files)):
        key, equals, place = given.partition("=")
        if not equals:
            if len(config.keys) != 1:
                raise WrongUse("api.secret_of_which_key", known=sorted(config.keys) or ["-"])
            key, place = next(iter(config.keys)), given
        if key not in config.keys:
            raise WrongUse("key.unknown_name", name=key, known=sorted(config.keys) or ["-"])
        if key in found:
            raise WrongUse("api.secret_twice", name=key)
        found[key] = read(place)
    return found


def _from_file(name: str) -> Secret:
    """Read a secret from a file, such as systemd's LoadCredential= or a container's secret mounts."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(_GREATEST_SECRET + 1)
        if len(data) > _GREATEST_SECRET:
            raise KeyTrouble("api.secret_file", name=name, cause=str(_GREATEST_SECRET))
        return Secret(data.decode("utf-8").removesuffix("\n").removesuffix("\r"))
    except OSError as error:
        raise KeyTrouble("api.secret_file", name=name, cause=error.strerror or "") from None
    except UnicodeDecodeError:
        # Without the original error: it carries the bytes.
        raise KeyTrouble("api.secret_file", name=name, cause="UTF-8") from None


# ---------------------------------------------------------------------------------------------------- tokens

Format = Annotated[str, typer.Option("--format", metavar="text|json")]


@token_app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    scope: Annotated[list[str] | None, typer.Option("--scope", metavar="NAME")] = None,
    key: Annotated[list[str] | None, typer.Option("--key", metavar="NAME")] = None,
    days: Annotated[int | None, typer.Option("--days", metavar="N")] = None,
    rate: Annotated[int | None, typer.Option("--rate", metavar="N")] = None,
    report_format: Format = "text",
) -> int:
    """Make a token and show it once."""
    from kyso_api import tokens

    common: Common = ctx.obj
    for given in key or []:
        if given not in common.config.keys:
            raise WrongUse("key.unknown_name", name=given, known=sorted(common.config.keys) or ["-"])
    as_json = _as_json(report_format)
    with _records(common) as records:
        token, shown = tokens.create(records, name, scope or [], keys=key or [], days=days, rate_per_minute=rate)
    if as_json:
        secrets = {"token": shown.reveal(), "webhook_secret": token.webhook_secret}
        output.put_json({"schema": "kyso.token/1", **_described(token), **secrets})
    else:
        output.put(shown.reveal())
        told = {"id": token.id, "name": token.name, "webhook_secret": token.webhook_secret}
        output.say("api.token_created", common.language, told)
    return 0


@token_app.command("list")
def list_tokens(ctx: typer.Context, report_format: Format = "text") -> int:
    """List the tokens."""
    from datetime import UTC, datetime

    from kyso_api import tokens

    common: Common = ctx.obj
    as_json = _as_json(report_format)
    with _records(common) as records:
        found = tokens.everyone(records)
    if as_json:
        output.put_json({"schema": "kyso.tokens/1", "tokens": [_described(token) for token in found]})
        return 0
    if not found:
        output.say("api.no_token_yet", common.language)
        return 0
    columns = ("id", "name", "scopes", "keys", "created", "expires", "state")
    now = datetime.now(UTC)
    output.table(
        [text.message(f"api.head_{column}", common.language) for column in columns],
        [list(_row(token, now, common)) for token in found],
    )
    return 0


@token_app.command("revoke")
def revoke(ctx: typer.Context, identifier: Annotated[str, typer.Argument(metavar="ID")]) -> int:
    """End a token."""
    from kyso_api import tokens
    from kyso_api.service import TOKEN_HOLDS_S

    common: Common = ctx.obj
    with _records(common) as records:
        token = tokens.revoke(records, identifier)
    output.say("api.token_revoked", common.language, {"id": token.id, "name": token.name, "seconds": TOKEN_HOLDS_S})
    return 0


def _row(token: Token, now: datetime, common: Common) -> Iterator[str]:
    state = "valid" if token.is_valid(now) else "revoked" if token.revoked_at else "expired"
    yield token.id
    yield token.name
    yield " ".join(sorted(token.scopes))
    yield " ".join(token.keys) or "*"
    yield _moment(token.created_at)
    yield _moment(token.expires_at)
    yield text.message(f"api.state_{state}", common.language)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M}"


def _described(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "keys": list(token.keys),
        "rate_per_minute": token.rate_per_minute,
        "created_at": token.created_at.isoformat(),
        "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
    }


def _as_json(report_format: str) -> bool:
    if report_format not in ("text", "json"):
        raise WrongUse("cli.bad_choice", option="--format", value=report_format, choices=("text", "json"))
    return report_format == "json"


def _records(common: Common) -> AbstractContextManager[Records]:
    from kyso.plugins import create_plugin_manager
    from kyso.records.store import Records

    return Records.of(common.config, create_plugin_manager())
