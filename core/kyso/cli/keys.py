"""``kyso keys list``: the keys that can be named, without asking for any secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Option
from kyso.models import VIETNAM_TIME

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
    heads = [
        text.message(f"cli.head_{name}", common.language) for name in ("name", "uri", "subject", "issuer", "until")
    ]
    output.table(heads, [[key.name or "", key.uri, key.subject, key.issuer, _day(key.not_after)] for key in keys])
    return 0


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM_TIME):%d/%m/%Y}"
