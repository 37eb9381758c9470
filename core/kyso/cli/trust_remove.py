"""``kyso trust remove``: stop trusting a root."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option
from kyso.cli.trust import certificate_table, put_answer
from kyso.verification import trust_folder


def run(
    common: Common,
    wanted: Annotated[str, Argument("FINGERPRINT|NAME")],
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Remove one certificate from the trust folder."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    folder = trust_folder.folder_of(common.config)
    found = trust_folder.find(folder, wanted)
    table = certificate_table(found)
    trust_folder.remove(folder, found)
    if as_json:
        put_answer(folder, certificates=[table])
    output.say("trust.removed", common.language, {"subject": found.certificate.display_name})
    return 0
