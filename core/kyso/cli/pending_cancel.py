"""``kyso pending cancel``: stop waiting for a letter."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument


def run(common: Common, identifier: Annotated[str, Argument("ID")]) -> int:
    """Stop waiting; a confirmation that still comes signs nothing here."""
    with common.engine() as engine:
        record = engine.cancel(identifier)
    output.say("cli.pending_cancelled", common.language, {"id": record.id, "document": record.document_name})
    return 0
