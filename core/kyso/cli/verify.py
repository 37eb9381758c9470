"""``kyso verify``: files and folders."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse

if TYPE_CHECKING:
    from kyso.contracts import ReportFormat
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport

GRAVITY = (1, 4, 2, 3, 0)
"""Exit codes of several files: invalid, unreadable, undetermined, unsigned, valid; the first one met here wins."""


def run(
    common: Common,
    files: Annotated[list[Path], Argument("FILE|DIR...")],
    trust: Annotated[list[Path] | None, Option("--trust", "FILE|DIR")] = None,
    crl: Annotated[list[Path] | None, Option("--crl", "FILE|DIR")] = None,
    at: Annotated[str | None, Option("--at", "ISO8601")] = None,
    revocation: Annotated[str | None, Option("--revocation", "offline|prefer|require")] = None,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    report_format: Annotated[str, Option("--format", "text|json|html|pdf")] = "text",
    out: Annotated[Path | None, Option("--out", "FILE")] = None,
    visual: Annotated[Path | None, Option("--visual", "DIR")] = None,
    conformity: Annotated[bool, Flag("--conformity")] = False,
    force: Annotated[bool, Flag("--force")] = False,
) -> int:
    """Verify, and return the exit code of the worst verdict."""
    letters.choice_from("--revocation", revocation, ("offline", "prefer", "require"))
    moment = time_from(at)
    password = letters.password_from(password_env)
    for given in (*(trust or ()), *(crl or ())):
        if not given.exists():
            raise WrongUse("cli.no_such_path", name=given)
    if out is not None:
        letters.refuse_existing(out, force=force)
    with common.engine() as engine:
        written = engine.registry.report_format(report_format)
        if written.binary and out is None:
            raise WrongUse("cli.format_needs_out", format=report_format)
        sources = letters.sources_of(files)
        # One HTML page after the other is no page.
        if (written.binary or report_format == "html") and len(sources) > 1:
            raise WrongUse("cli.format_one_file", format=report_format)
        codes: list[int] = []
        pieces: list[bytes] = []
        for source in sources:
            report = engine.verify(
                source,
                trust=trust,
                crls=crl,
                at=moment,
                password=password,
                revocation=revocation,
                # A person who reads a page wants the form judged too; a script asks for it.
                conformity=conformity or report_format in ("html", "pdf"),
            )
            codes.append(report.exit_code)
            if visual is not None:
                _draw_differences(report, visual, password, common, force=force)
            piece = _piece(written, report, report_format, common, alone=len(sources) == 1)
            if out is None:
                output.put_bytes(piece)
            else:
                pieces.append(piece)
    if out is not None:
        from kyso.update.files import write_output

        write_output(out, tuple(pieces), overwrite=force)
        output.say("cli.report_written", common.language, {"out": out})
    return min(codes, key=GRAVITY.index)


def _draw_differences(
    report: VerificationReport, folder: Path, password: Secret | None, common: Common, *, force: bool
) -> None:
    """Write the pictures of ``--visual`` and say what was drawn and what was not."""
    if report.verdict == "unreadable" or report.file.path is None:
        return
    from kyso.verification.visual import draw_differences

    name = report.file.name
    drawn = draw_differences(report, Path(report.file.path), folder, password=password, overwrite=force)
    if drawn is None or not (drawn.pictures or drawn.undrawable):
        output.say("verification.visual_same", common.language, {"name": name})
        return
    if drawn.pictures:
        told = {"name": name, "count": len(drawn.pictures), "folder": folder}
        output.say("verification.visual_written", common.language, told)
    if drawn.undrawable:
        output.say("verification.visual_undrawable", common.language, {"name": name, "pages": drawn.undrawable})
    if drawn.left_out:
        output.say("verification.visual_left_out", common.language, {"name": name, "count": drawn.left_out})


def time_from(value: str | None) -> datetime | None:
    """Read ``--at``: ISO 8601; without a zone it is Vietnam's time.

    :raises WrongUse: it is no time.
    """
    if value is None:
        return None
    from kyso.models import VIETNAM_TIME

    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise WrongUse("cli.bad_time", value=value) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM_TIME)


def _piece(written: ReportFormat, report: VerificationReport, name: str, common: Common, *, alone: bool) -> bytes:
    """Return one file's report, ended so that the next can follow: several JSON objects stand one a line."""
    data = written.render(report, common.language)
    if written.binary or alone:
        return data if written.binary or data.endswith(b"\n") else data + b"\n"
    if name == "json":
        import json

        return json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    return data.rstrip(b"\n") + b"\n\n"
