"""Judging the PDFs that go with a dossier: signed by both signers, each with a block at the top of page 1 (VII.2).

The decision says what a block shows and where it stands, not how many people sign a file. That both signers of the
dossier sign each file is a rule of the house, ``attachment_blocks``, on by default and switchable. A block counts where
it can be seen, on page 1, in the upper half; which program drew it does not matter. What is drawn inside is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.models import Notice
from kyso.plugin import KysoError
from kyso.text import Phrase
from kyso_kbnn.envelope import ROLES, Role
from kyso_kbnn.profile import HouseRules

if TYPE_CHECKING:
    from kyso.verification.report import SignatureReport, VerificationReport

_REFUSED = ("invalid", "unsigned", "unreadable")


@dataclass(frozen=True, slots=True)
class PdfJudgement:
    """One PDF, as far as a dossier asks.

    :param verdict: the headline of its verification.
    :param signatures: how many signatures it carries, timestamps left out.
    :param signers: SHA-256 of the certificate of each intact signature -> whether its block tops page 1.
    """

    verdict: str
    signatures: int
    signers: Mapping[str, bool] = field(default_factory=dict)


JudgePdf = Callable[[Path], PdfJudgement]


def judge_pdf(path: Path, verify: Callable[[Path], VerificationReport]) -> PdfJudgement:
    """Judge one PDF.

    :param verify: verifies it with the trust of this run.
    """
    report = verify(path)
    signatures = [one for one in report.signatures if one.kind != "timestamp"]
    height_mm = _height_of_first_page_mm(path) if signatures else None
    signers: dict[str, bool] = {}
    for one in signatures:
        if one.integrity == "intact" and one.certificate is not None:
            known = one.certificate.sha256
            signers[known] = signers.get(known, False) or _is_at_top(one, height_mm)
    return PdfJudgement(report.verdict, len(signatures), signers)


def faults_of(
    judgement: PdfJudgement, name: str, certificates: Mapping[Role, str], rules: HouseRules
) -> tuple[Notice, ...]:
    """Return why a PDF must not go to the treasury, nothing where all is well.

    :param certificates: SHA-256 of the certificates that signed the dossier, by role.
    """
    verdict = judgement.verdict
    if verdict in _REFUSED or (judgement.signatures < len(ROLES) and not rules.attachment_blocks):
        return (Notice("kbnn.attachment_not_valid", {"name": name, "verdict": verdict}),)
    if not rules.attachment_blocks:
        return ()
    found: list[Notice] = []
    for role, certificate in certificates.items():
        block = judgement.signers.get(certificate)
        if not block:
            code = "kbnn.attachment_signer_missing" if block is None else "kbnn.attachment_block_missing"
            found.append(Notice(code, {"name": name, "role": Phrase(f"kbnn.role_{role}")}))
    return tuple(found)


def _is_at_top(signature: SignatureReport, height_mm: float | None) -> bool:
    rect = signature.rect_mm
    if signature.page != 1 or rect is None or height_mm is None or rect.width <= 0 or rect.height <= 0:
        return False
    return rect.top >= 0 and rect.bottom <= height_mm / 2


def _height_of_first_page_mm(path: Path) -> float | None:
    from kyso.document.opening import open_letter

    try:
        with open_letter(path, repairing=True) as letter:
            return letter.page(1).rect_mm.height
    except KysoError:
        return None  # the verdict says already what is wrong with the file
