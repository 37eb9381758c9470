"""``kyso trust show``: one certificate of the trust folder, or of a file, with its fingerprint."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option
from kyso.cli.trust import certificate_table, distrust_table, put_answer, put_certificate, put_distrusted
from kyso.verification import trust_folder
from kyso.verification.distrust import distrust_list


def run(
    common: Common,
    wanted: Annotated[str, Argument("FINGERPRINT|NAME|FILE")],
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Show what a fingerprint, a name or a file stands for; nothing is trusted by being shown."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    folder = trust_folder.folder_of(common.config)
    file = Path(wanted)
    if file.is_file() and trust_folder.is_list_file(file):
        from kyso.cli import trust_add_list

        return trust_add_list.show(file, common, as_json=as_json)
    found = trust_folder.certificates_in(file) if file.is_file() else (trust_folder.find(folder, wanted),)
    unsafe = [entry for entry in distrust_list((folder,)) if any(entry.meets(each.certificate) for each in found)]
    if as_json:
        put_answer(
            folder,
            certificates=[certificate_table(each) for each in found],
            distrusted=[distrust_table(entry) for entry in unsafe],
        )
        return 0
    for number, each in enumerate(found):
        if number:
            output.put("")
        put_certificate(each.certificate, each.role, common.language, datetime.now(UTC))
        for entry in unsafe:
            if entry.meets(each.certificate):
                put_distrusted(entry, common.language)
    return 0
