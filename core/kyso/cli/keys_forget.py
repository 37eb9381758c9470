"""``kyso keys forget``: take a key's password or PIN out of the system's safe."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument


def run(common: Common, name: Annotated[str, Argument("NAME")]) -> int:
    """Forget the key's secrets; forgetting twice is harmless."""
    from kyso.signing.remembering import forget

    found = forget(name, common.config)
    output.say("keyring.forgotten" if found else "keyring.nothing_kept", common.language, {"name": name})
    return 0
