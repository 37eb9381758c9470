"""``kyso verify``: files and folders."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.contracts import ReportFormat
    from kyso.engine import Engine
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
    report_format: Annotated[str, Option("--format", "text|json|csv|html|pdf")] = "text",
    out: Annotated[Path | None, Option("--out", "FILE")] = None,
    visual: Annotated[Path | None, Option("--visual", "DIR")] = None,
    conformity: Annotated[bool, Flag("--conformity")] = False,
    registered: Annotated[bool, Flag("--registered")] = False,
    full: Annotated[bool, Flag("--full")] = False,
    workers: Annotated[int | None, Option("--workers", "N")] = None,
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
    if workers is not None and workers < 1:
        raise WrongUse("cli.bad_workers", value=workers)
    terms: dict[str, Any] = {
        "trust": None if trust is None else tuple(trust),
        "crls": None if crl is None else tuple(crl),
        "at": moment,
        "revocation": revocation,
        # A person who reads a page wants the form judged too; a script asks for it.
        "conformity": conformity or report_format in ("html", "pdf"),
    }
    with common.engine() as engine:
        written = None if report_format == "csv" else engine.registry.report_format(report_format)
        if written is not None and written.binary and out is None:
            raise WrongUse("cli.format_needs_out", format=report_format)
        sources = letters.sources_of(files)
        if written is None or len(sources) > 1:
            from kyso.cli.verify_several import Telling, tell_several
            from kyso.verification.several import Terms

            # One HTML page after the other is no page.
            if written is not None and (written.binary or report_format == "html"):
                raise WrongUse("cli.format_one_file", format=report_format)
            in_short = report_format == "text" and not full and any(file.is_dir() for file in files)

            def draw(report: VerificationReport) -> None:
                if visual is not None:
                    _draw_differences(report, visual, password, common, force=force)

            told = Terms(**terms, registered=registered)
            telling = Telling(report_format, in_short, out is not None, draw if visual is not None else None)
            codes, pieces = tell_several(engine, sources, told, password, common, telling, workers=workers)
        else:
            report = _one(engine, sources[0], terms, password, registered=registered)
            codes, pieces = [report.exit_code], [ended(written.render(report, common.language), written)]
            if visual is not None:
                _draw_differences(report, visual, password, common, force=force)
            if out is None:
                output.put_bytes(pieces[0])
    if out is not None:
        from kyso.update.outputs import write_output

        write_output(out, tuple(pieces), overwrite=force)
        output.say("cli.report_written", common.language, {"out": out})
    return min(codes, key=GRAVITY.index)


def _one(
    engine: Engine, source: Path, terms: Mapping[str, Any], password: Secret | None, *, registered: bool
) -> VerificationReport:
    if not registered:
        return engine.verify(source, password=password, **terms)
    from kyso.verification.several import Terms, verify_several

    return next(verify_several(engine, [source], Terms(**terms, registered=True), password=password))


def ended(data: bytes, written: ReportFormat) -> bytes:
    """Return a report that ends its last line, where it has lines."""
    return data if written.binary or data.endswith(b"\n") else data + b"\n"


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
