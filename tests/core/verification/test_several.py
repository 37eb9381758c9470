"""Many files: one that ends a process, or meets a defect, is reported and stops nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kyso.config import Config, RecordsSection, VerificationSection
from kyso.engine import Engine
from kyso.errors import WrongUse
from kyso.verification import several
from kyso.verification.several import Terms, fitting_workers, verify_several


@pytest.fixture
def files(letter_pdf: bytes, tmp_path: Path) -> list[Path]:
    """Twenty small letters."""
    paths = [tmp_path / f"{number:02d}.pdf" for number in range(20)]
    for path in paths:
        path.write_bytes(letter_pdf)
    return paths


class _Deadly(Path):
    """A path whose reading ends the process, as a crash inside a parser's library does."""

    _flavour = getattr(type(Path()), "_flavour", None)  # a subclass of Path needs it before Python 3.12

    @property
    def suffix(self) -> str:
        """Die where a worker looks at it."""
        if os.environ.get("KYSO_TEST_WORKER_DIES"):
            os._exit(11)
        return ".pdf"


def test_reports_come_in_order(files: list[Path]) -> None:
    """From one process and from two, a missing file among them."""
    asked = [*files, files[0].with_name("missing.pdf")]
    with Engine.from_config(Config()) as engine:
        for workers in (1, 2):
            reports = list(verify_several(engine, asked, Terms(), workers=workers))
            assert [report.file.name for report in reports] == [path.name for path in asked]
            assert [report.verdict for report in reports] == ["unsigned"] * 20 + ["unreadable"]


def test_a_file_that_ends_a_process_is_reported(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its chunk, and those in flight, are judged all the same."""
    monkeypatch.setenv("KYSO_TEST_WORKER_DIES", "1")
    asked = [*files[:5], _Deadly(files[5]), *files[6:]]
    with Engine.from_config(Config()) as engine:
        reports = list(verify_several(engine, asked, Terms(), workers=2))
    assert [report.verdict for report in reports] == ["unsigned"] * 5 + ["unreadable"] + ["unsigned"] * 14
    assert reports[5].warnings[0].code == "verification.worker_lost"


def test_a_defect_is_reported(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a log file, and the other files go on."""
    monkeypatch.delenv("KYSO_TEST_WORKER_DIES", raising=False)

    class _Broken(_Deadly):
        @property
        def suffix(self) -> str:
            raise ZeroDivisionError

    with Engine.from_config(Config()) as engine:
        reports = list(verify_several(engine, [files[0], _Broken(files[1]), files[2]], Terms()))
    assert [report.verdict for report in reports] == ["unsigned", "unreadable", "unsigned"]
    (warning,) = reports[1].warnings
    assert warning.code == "verification.internal"
    assert Path(str(warning.parameters["log"])).exists()


def test_wrong_terms_are_an_error(files: list[Path]) -> None:
    """They are about no file, so they are raised, from another process too."""
    with Engine.from_config(Config(verification=VerificationSection())) as engine:
        for workers in (1, 2):
            with pytest.raises(WrongUse):
                list(verify_several(engine, files, Terms(revocation="maybe"), workers=workers))


def test_records_that_cannot_be_opened_are_an_error(files: list[Path]) -> None:
    """Before any process is started."""
    config = Config(records=RecordsSection("mysql://nowhere"))
    with Engine.from_config(config) as engine, pytest.raises(WrongUse):
        list(verify_several(engine, files, Terms(registered=True), workers=2))


def test_small_work_stays_in_this_process(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting processes costs more than twenty small letters; thousands are worth as many as there are cores."""
    assert fitting_workers(files) == 1
    monkeypatch.setattr(several.os, "cpu_count", lambda: 4)
    assert fitting_workers(files * 1000) == 4
