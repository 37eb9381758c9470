"""``kyso trust list``: what lies in the trust folder, and what is on the list of unsafe certificates."""

from __future__ import annotations

from typing import Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Option
from kyso.cli.trust import certificate_table, distrust_table, put_answer, put_distrusted
from kyso.verification import trust_folder
from kyso.verification.distrust import distrust_list
from kyso.verification.known_roots import known_as


def run(common: Common, answer_format: Annotated[str, Option("--format", "text|json")] = "text") -> int:
    """List the certificates and the distrusted ones."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    folder = trust_folder.folder_of(common.config)
    found = trust_folder.stored(folder)
    unsafe = distrust_list((folder,))
    if as_json:
        put_answer(
            folder,
            certificates=[certificate_table(each) for each in found],
            distrusted=[distrust_table(entry) for entry in unsafe],
        )
        return 0
    language = common.language
    output.say("trust.folder", language, {"folder": folder})
    if not found:
        output.say("trust.empty", language)
    else:
        heads = [
            text.message(f"trust.head_{name}", language) for name in ("role", "subject", "until", "known", "sha256")
        ]
        rows = []
        for each in found:
            known = known_as(each.certificate)
            role = text.message(f"trust.kind_{each.role}", language)
            until = f"{each.certificate.not_after:%d/%m/%Y}"
            name = "-" if known is None else known.name
            rows.append([role, each.certificate.display_name, until, name, each.certificate.sha256])
        output.table(heads, rows)
    for entry in unsafe:
        put_distrusted(entry, language)
    return 0
