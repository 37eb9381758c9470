"""``kyso keys list``: the keys that can be named, without asking for any secret."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Option
from kyso.models import VIETNAM_TIME

if TYPE_CHECKING:
    from kyso.contracts import KeyDescription
    from kyso.text import Language

SCHEMA = "kyso.keys/1"


def run(
    common: Common,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """List the keys; what could not be asked is said on stderr and does not stop the rest."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    with common.engine() as engine:
        keys, failures = engine.keys()
    if as_json:
        output.put_json(
            {
                "schema": SCHEMA,
                "keys": [
                    {
                        "name": key.name,
                        "uri": key.uri,
                        "subject": key.subject,
                        "issuer": key.issuer,
                        "serial": key.serial,
                        "not_before": _iso(key.not_before),
                        "not_after": _iso(key.not_after),
                        "usage": list(key.usage),
                        "owner": key.owner,
                    }
                    for key in keys
                ],
                "failures": [{"name": name, **output.error_in_both(error)} for name, error in failures],
            }
        )
        return 0
    for name, error in failures:
        output.say("cli.key_source_failed", common.language, {"name": name, "cause": error.message(common.language)})
        output.note(error.next_step(common.language))
    if not keys:
        output.say("cli.no_keys", common.language)
        return 0
    language = common.language
    if sys.stdout.isatty():
        _show(keys, language)
        return 0
    columns = ("name", "uri", "subject", "issuer", "until", "from", "serial", "usage", "owner")
    rows = [
        [
            key.name or "",
            key.uri,
            key.subject,
            key.issuer,
            _day(key.not_after),
            _day(key.not_before),
            key.serial,
            ", ".join(key.usage),
            _owner(key, language),
        ]
        for key in keys
    ]
    output.table([text.message(f"cli.head_{name}", language) for name in columns], rows)
    return 0


def _show(keys: Sequence[KeyDescription], language: Language) -> None:
    """Show each key with its address on a line of its own, whole, to be copied."""
    for key in keys:
        output.put(" — ".join(filter(None, (key.name, key.subject, _owner(key, language)))) or key.uri)
        output.put(f"  {text.shown(key.uri)}")
        if key.not_after is not None:
            about = {
                "issuer": key.issuer,
                "serial": key.serial,
                "from": _day(key.not_before),
                "until": _day(key.not_after),
                "usage": key.usage or "-",
            }
            output.put("  " + text.message("cli.key_certificate", language, about))


def _owner(key: KeyDescription, language: Language) -> str:
    return "" if key.owner is None else text.message(f"cli.owner_{key.owner}", language)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM_TIME):%d/%m/%Y}"
