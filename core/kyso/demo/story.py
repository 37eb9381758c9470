"""The whole story on made-up data: sign, seal, attach, pay, verify, and catch two forgeries.

Everything goes through the public :class:`~kyso.engine.Engine`, as an embedding program would use it::

    from kyso.demo.story import run

    exit_code = run(Path("build/demo"), "vi")
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kyso import text
from kyso.demo.display import Progress, shown_progress
from kyso.errors import InternalError, WrongUse
from kyso.models import VIETNAM_TIME, SignedDocument, SignRequest
from kyso.secret import Secret

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.text import Language
    from kyso.verification.report import VerificationReport

MARK = "THU-NGHIEM.txt"
"""Stands in a folder that an earlier demo filled; only such a folder is filled again."""

PAGE_DPI = 110.0

_FOLDERS = ("pki", "pictures", "unsigned", "signed", "tampered", "pages", "reports")

_CONFIG = """\
# kyso demo: TEST / THỬ NGHIỆM
[organisation]
name = "Ủy ban nhân dân xã An Bình Thử Nghiệm"

[keys.leader]
uri = "pfx:pki/leader.p12"
role = "leader"

[keys.seal]
uri = "pfx:pki/seal.p12"
role = "seal"

[keys.accountant]
uri = "pfx:pki/accountant.p12"
role = "accountant"
title = "Kế toán trưởng"

[keys.holder]
uri = "pfx:pki/holder.p12"
role = "holder"
title = "Chủ tài khoản"

[leader]
image = "pictures/signature.png"
max_width_mm = 40

[seal]
image = "pictures/seal.png"
diameter_mm = 36

[signing]
key = "leader"
policy = "decree30.leader"

[verification]
trust = ["pki/root.pem"]
crl = ["pki/crl"]
"""

_EXPECTED: Mapping[str, str] = {
    "signed/letter.pdf": "valid",
    "signed/attachment.pdf": "valid",
    "signed/copy.pdf": "valid",
    "signed/payments.pdf": "valid",
    "tampered/letter.pdf": "invalid",
    "tampered/payments.pdf": "invalid",
}

# Signed file and the pages of it that are worth a picture.
_PICTURED: Mapping[str, tuple[int, ...]] = {
    "signed/letter.pdf": (1, 2),
    "signed/attachment.pdf": (1,),
    "signed/copy.pdf": (1,),
    "signed/payments.pdf": (1,),
    "tampered/payments.pdf": (1,),
}


def run(folder: Path, language: Language = "vi", progress: Progress | None = None) -> int:
    """Play the demo in `folder`, print what came out and return the exit code 0.

    :param folder: new, empty, or filled by an earlier demo.
    :param progress: told before each step; ``None`` shows the steps on stderr.
    :raises WrongUse: the folder holds something else, or the extra ``demo`` is not installed.
    :raises InternalError: a verdict is not what it must be.
    """
    if find_spec("reportlab") is None:
        raise WrongUse("demo.extra_missing")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (folder / MARK).is_file():
        raise WrongUse("demo.folder_not_empty", folder=folder)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(text.message("demo.notice", language) + "\n", encoding="utf-8")

    story = _Story(folder, language)
    if progress is not None:
        story.play(progress)
    else:
        with shown_progress() as shown:
            story.play(shown)
    closing = story.closing()
    (folder / "README.txt").write_text(closing + "\n", encoding="utf-8")
    print(closing)
    return 0


@dataclass(slots=True)
class _Story:
    """One run: where, in which language, and what came out so far."""

    folder: Path
    language: Language
    began: datetime = field(default_factory=lambda: datetime.now(VIETNAM_TIME))
    reports: dict[str, VerificationReport] = field(default_factory=dict)

    def play(self, progress: Progress) -> None:
        """Go through the steps in order."""
        from kyso.engine import Engine

        chapters: tuple[tuple[str, Callable[[], None]], ...] = (
            ("demo.step.pki", self._pki),
            ("demo.step.pictures", self._pictures),
            ("demo.step.papers", self._papers),
        )
        signing: tuple[tuple[str, Callable[[Engine], None]], ...] = (
            ("demo.step.leader", self._leader),
            ("demo.step.seal", self._seal),
            ("demo.step.attachment", self._attachment),
            ("demo.step.copy", self._copy),
            ("demo.step.payments", self._payments),
            ("demo.step.tamper", self._tamper),
            ("demo.step.verify", self._verify),
            ("demo.step.pages", self._pages),
        )
        total = len(chapters) + len(signing)
        for number, (code, chapter) in enumerate(chapters, 1):
            progress(text.message(code, self.language), number, total)
            chapter()
        with Engine.from_config(self.folder / "kyso.toml", ask_secret=_demo_password) as engine:
            for number, (code, step) in enumerate(signing, len(chapters) + 1):
                progress(text.message(code, self.language), number, total)
                step(engine)

    # --------------------------------------------------------------------------------------------- preparations

    def _pki(self) -> None:
        from kyso.demo.pki import write_pki

        write_pki(self.folder / "pki")
        (self.folder / "kyso.toml").write_text(_CONFIG, encoding="utf-8")

    def _pictures(self) -> None:
        from kyso.demo.pictures import seal_png, signature_png

        (self.folder / "pictures" / "signature.png").write_bytes(signature_png())
        (self.folder / "pictures" / "seal.png").write_bytes(seal_png())

    def _papers(self) -> None:
        from kyso.demo.attachments import draw_attachment, draw_payment_list
        from kyso.demo.letter import draw_letter
        from kyso.demo.scan import scanned

        today = self.began.date()
        letter = draw_letter(today)
        papers = {
            "letter": letter,
            "attachment": draw_attachment(today),
            "payments": draw_payment_list(today),
            "scan": scanned(letter),
        }
        for name, data in papers.items():
            (self.folder / "unsigned" / f"{name}.pdf").write_bytes(data)

    # -------------------------------------------------------------------------------------------------- signing

    def _sign(
        self, engine: Engine, source: str, out: str, key: str, policy: str, settings: Mapping[str, str] | None = None
    ) -> None:
        request = SignRequest(
            self.folder / source,
            key=key,
            policy=policy,
            out=self.folder / out,
            settings=settings or {},
            # An earlier demo's files; nobody else's can be here.
            overwrite=True,
        )
        if not isinstance(engine.sign(request), SignedDocument):
            raise InternalError("demo.unexpected", name=out, verdict="pending", expected="signed")

    def _leader(self, engine: Engine) -> None:
        self._sign(engine, "unsigned/letter.pdf", "signed/letter-leader.pdf", "leader", "decree30.leader")

    def _seal(self, engine: Engine) -> None:
        self._sign(engine, "signed/letter-leader.pdf", "signed/letter.pdf", "seal", "decree30.seal")

    def _attachment(self, engine: Engine) -> None:
        from kyso.demo.wording import sample_letter

        number = {"number": sample_letter(self.began.date()).number_and_symbol}
        self._sign(engine, "unsigned/attachment.pdf", "signed/attachment.pdf", "seal", "decree30.attachment", number)

    def _copy(self, engine: Engine) -> None:
        form = {"copy_form": "SAO Y"}
        self._sign(engine, "unsigned/scan.pdf", "signed/copy.pdf", "seal", "decree30.copy", form)

    def _payments(self, engine: Engine) -> None:
        from kyso.demo.attachments import BUDGET_CODE, PAYMENT_CONTENT

        # Both are announced, so that their two blocks together stand in the middle.
        block = {"budget_code": BUDGET_CODE, "content": PAYMENT_CONTENT, "signers": "2"}
        first, both = "signed/payments-accountant.pdf", "signed/payments.pdf"
        self._sign(engine, "unsigned/payments.pdf", first, "accountant", "kbnn.attachment", block)
        self._sign(engine, first, both, "holder", "kbnn.attachment", block)

    # -------------------------------------------------------------------------------------------------- judging

    def _tamper(self, engine: Engine) -> None:
        from kyso.demo.tampering import change_one_byte, paint_over
        from kyso.document.opening import open_letter

        letter = (self.folder / "signed/letter.pdf").read_bytes()
        (self.folder / "tampered/letter.pdf").write_bytes(change_one_byte(letter))
        payments = (self.folder / "signed/payments.pdf").read_bytes()
        with open_letter(payments, name="payments.pdf") as opened:
            total = next(line for line in opened.text_lines(1) if line.text == "12.950.000")
        forged = paint_over(payments, 1, total.rect_mm, "92.950.000")
        (self.folder / "tampered/payments.pdf").write_bytes(forged)

    def _verify(self, engine: Engine) -> None:
        for name, expected in _EXPECTED.items():
            report = engine.verify(self.folder / name)
            self.reports[name] = report
            target = self.folder / "reports" / name.replace("/", "-").replace(".pdf", "")
            for format_name, suffix in (("json", ".json"), ("text", ".txt")):
                rendered = engine.registry.report_format(format_name).render(report, self.language)
                target.with_suffix(suffix).write_bytes(rendered)
            if report.verdict != expected:
                raise InternalError("demo.unexpected", name=name, verdict=report.verdict, expected=expected)

    def _pages(self, engine: Engine) -> None:
        from kyso.document.opening import open_letter
        from kyso.document.pdfium import render_page

        for name, pages in _PICTURED.items():
            with open_letter(self.folder / name) as opened:
                for page in pages:
                    target = self.folder / "pages" / f"{name.replace('/', '-').removesuffix('.pdf')}-{page}.png"
                    render_page(opened, page, dpi=PAGE_DPI).save(target)

    def closing(self) -> str:
        """Return what the person is told at the end."""
        width = max(map(len, self.reports))
        verdicts = "\n".join(
            f"  {name:<{width}}  {text.message('demo.verdict.' + report.verdict, self.language)}"
            for name, report in self.reports.items()
        )
        seconds = (datetime.now(VIETNAM_TIME) - self.began).total_seconds()
        about = {
            "folder": self.folder,
            "quoted": shlex.quote(str(self.folder)),
            "verdicts": verdicts,
            "seconds": f"{seconds:.1f}",
        }
        return text.message("demo.closing", self.language, about)


def _demo_password(code: str, parameters: Mapping[str, object]) -> Secret:
    from kyso.demo.pki import DEMO_PASSWORD

    return Secret(DEMO_PASSWORD)
