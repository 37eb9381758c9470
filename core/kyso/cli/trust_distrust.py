"""``kyso trust distrust``: put a certificate or CA on the list of unsafe ones (TT 28/2015/TT-NHNN, Điều 16.2)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.cli.trust import distrust_table, put_answer
from kyso.errors import InputRefused, KysoError, WrongUse
from kyso.models import VIETNAM_TIME
from kyso.verification import trust_folder
from kyso.verification.distrust import DistrustEntry

if TYPE_CHECKING:
    from kyso.cms.certificate import Certificate


def run(
    common: Common,
    wanted: Annotated[str, Argument("FILE|FINGERPRINT|NAME")],
    reason: Annotated[str | None, Option("--reason", "TEXT")] = None,
    since: Annotated[str | None, Option("--since", "YYYY-MM-DD")] = None,
    lift: Annotated[bool, Flag("--lift")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Enter a certificate on the list, or take it off again."""
    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    folder = trust_folder.folder_of(common.config)
    if lift:
        if reason or since:
            raise WrongUse("trust.lift_alone")
        entries = [trust_folder.lift_distrust(folder, _fingerprint_of(wanted))]
        code = "trust.lifted"
    else:
        if not reason or not reason.strip():
            raise WrongUse("trust.reason_missing")
        entries = _entries(folder, wanted, reason.strip(), _date(since))
        for entry in entries:
            trust_folder.enter_distrust(folder, entry)
        code = "trust.distrusted_now"
    if as_json:
        put_answer(folder, distrusted=[distrust_table(entry) for entry in entries])
    for entry in entries:
        output.say(code, common.language, {"subject": entry.subject or entry.sha256})
    return 0


def _fingerprint_of(wanted: str) -> str:
    """Return what names the entry: of a file the fingerprint of its certificate."""
    return _only_certificate(Path(wanted)).sha256 if Path(wanted).is_file() else wanted


def _only_certificate(file: Path) -> Certificate:
    found = trust_folder.certificates_in(file)
    if len(found) != 1:
        raise InputRefused("trust.one_certificate", file=file, count=len(found))
    return found[0].certificate


def _entries(folder: Path, wanted: str, reason: str, since: date) -> list[DistrustEntry]:
    file = Path(wanted)
    if file.is_file():
        return [trust_folder.entry_about(_only_certificate(file), reason, since)]
    try:
        return [trust_folder.entry_about(trust_folder.find(folder, wanted).certificate, reason, since)]
    except KysoError:
        digits = trust_folder.fingerprint_from(wanted)
        # What is unsafe need not lie in the folder; then only its whole fingerprint names it.
        if digits is None or len(digits) != 64:
            raise
        return [DistrustEntry(digits, "", "", reason, since)]


def _date(value: str | None) -> date:
    if value is None:
        return datetime.now(UTC).astimezone(VIETNAM_TIME).date()
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise WrongUse("trust.bad_date", value=value) from None
