"""``kyso trust add``: trust the roots in a file, after a person compared the fingerprint."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.cli.trust import certificate_table, grouped, put_answer, put_certificate
from kyso.errors import InputRefused, KeyTrouble, WrongUse
from kyso.verification import trust_folder
from kyso.verification.distrust import distrust_list

if TYPE_CHECKING:
    from kyso.verification.trust_folder import StoredCertificate

AGREED = frozenset({"y", "yes", "c", "có", "co", "đồng ý"})


def run(
    common: Common,
    file: Annotated[Path, Argument("FILE")],
    yes: Annotated[bool, Flag("--yes")] = False,
    fingerprint: Annotated[list[str] | None, Option("--fingerprint", "HEX")] = None,
    list_signer: Annotated[Path | None, Option("--list-signer", "FILE")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Show each CA certificate of the file and add it once it is confirmed."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    folder = trust_folder.folder_of(common.config)
    expected = [whole_fingerprint(value) for value in fingerprint or ()]
    if yes and not expected and list_signer is None:
        raise WrongUse("trust.yes_needs_fingerprint")
    if trust_folder.is_list_file(file):
        from kyso.cli import trust_add_list

        return trust_add_list.add_from(file, list_signer, folder, expected, common, yes=yes, as_json=as_json)
    if list_signer is not None:
        raise WrongUse("trust.list_signer_alone")
    offered = [each for each in trust_folder.certificates_in(file) if each.role != "other"]
    if not offered:
        raise InputRefused("trust.no_authority", file=file)
    unsafe = [entry for entry in distrust_list((folder,)) for each in offered if entry.meets(each.certificate)]
    if unsafe:
        raise InputRefused("trust.is_distrusted", subject=unsafe[0].subject, reason=unsafe[0].reason)
    if expected:
        check_expected(offered, expected)
        offered = [each for each in offered if each.certificate.sha256 in expected]
    added: list[StoredCertificate] = []
    for each in offered:
        if not as_json:
            put_certificate(each.certificate, each.role, common.language, datetime.now(UTC))
        if not yes and not agreed(each, common):
            output.say("trust.not_added", common.language, {"subject": each.certificate.display_name})
            continue
        placed = trust_folder.add(folder, each.certificate, listed_as="" if each.role == "listed" else None)
        added.append(trust_folder.StoredCertificate(placed, each.certificate, each.role))
        told = {"subject": each.certificate.display_name, "file": placed}
        output.say("trust.added", common.language, told)
    if as_json:
        put_answer(folder, certificates=[certificate_table(each) for each in added])
    return 0 if added else WrongUse.exit_code


def whole_fingerprint(value: str) -> str:
    """Return a fingerprint that a person gave, complete and in lower case.

    :raises WrongUse: it is none.
    """
    digits = trust_folder.fingerprint_from(value)
    if digits is None or len(digits) != 64:
        raise WrongUse("trust.bad_fingerprint", value=value)
    return digits


def check_expected(offered: list[StoredCertificate], expected: list[str]) -> None:
    """Refuse the whole file where a fingerprint given by the person is not in it."""
    held = {each.certificate.sha256 for each in offered}
    for digits in expected:
        if digits not in held:
            raise InputRefused("trust.fingerprint_differs", expected=grouped(digits), held=[*map(grouped, held)])


def agreed(stored: StoredCertificate, common: Common) -> bool:
    """Ask the person at the terminal.

    :raises KeyTrouble: there is no terminal.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise KeyTrouble("trust.no_terminal", sha256=stored.certificate.sha256)
    print(text.message(f"trust.ask_{stored.role}", common.language), end=" ", file=sys.stderr, flush=True)
    try:
        return input().strip().lower() in AGREED
    except EOFError:
        return False
