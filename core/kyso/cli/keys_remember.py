"""``kyso keys remember``: let the system's safe keep a key's password or PIN, after it has proved right."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option


def run(
    common: Common,
    name: Annotated[str, Argument("NAME")],
    secret_env: Annotated[str | None, Option("--secret-env", "NAME")] = None,
    secret_fd: Annotated[int | None, Option("--secret-fd", "N")] = None,
) -> int:
    """Ask for the secret, open the key with it, and keep it."""
    from kyso.cli.secrets import asker
    from kyso.plugins import create_plugin_manager
    from kyso.signing.remembering import remember

    ask = asker(common.language, secret_env=secret_env, secret_fd=secret_fd)
    remember(name, common.config, create_plugin_manager(), ask, online=common.online)
    output.say("keyring.kept", common.language, {"name": name})
    return 0
