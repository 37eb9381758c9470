"""``kyso pending list``: the letters that wait for a person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Option
from kyso.models import VIETNAM_TIME

SCHEMA = "kyso.pending/1"


def run(common: Common, answer_format: Annotated[str, Option("--format", "text|json")] = "text") -> int:
    """List what waits, oldest first."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    with common.engine() as engine:
        records = engine.pending()
    if as_json:
        output.put_json(
            {
                "schema": SCHEMA,
                "pending": [
                    {
                        "prepared_id": record.id,
                        "state": record.state,
                        "document_name": record.document_name,
                        "key": record.key_name,
                        "out": None if record.out_path is None else str(record.out_path),
                        "created_at": None if record.created_at is None else record.created_at.isoformat(),
                        "expires_at": None if record.expires_at is None else record.expires_at.isoformat(),
                    }
                    for record in records
                ],
            }
        )
        return 0
    if not records:
        output.say("cli.none_pending", common.language)
        return 0
    columns = ("id", "document", "key", "state", "expires")
    heads = [text.message(f"cli.head_{column}", common.language) for column in columns]
    output.table(
        heads,
        [
            [
                record.id,
                record.document_name,
                record.key_name,
                text.message(f"cli.state_{record.state}", common.language),
                _moment(record.expires_at),
            ]
            for record in records
        ],
    )
    return 0


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M:%S}"
