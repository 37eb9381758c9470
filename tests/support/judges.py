"""Independent judges of what kyso writes: pdfsig, qpdf, pyHanko, and three renderers.

None of them shares code with kyso's own writer or verifier. A test that needs a missing tool is skipped with its name.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image


def need_tool(name: str) -> str:
    """Return the path of a system tool, or skip the test that wants it."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"the system tool {name} is not installed")
    return found


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=False)


@dataclass(frozen=True)
class PdfsigSignature:
    """One signature as poppler's pdfsig sees it.

    :param valid: the digest and the signature value are right.
    :param total_document: the signature covers the whole file.
    :param text: everything pdfsig printed about it.
    """

    field: str
    signer: str
    kind: str
    valid: bool
    total_document: bool
    text: str


def pdfsig(path: Path) -> list[PdfsigSignature]:
    """Return poppler's judgement of every signature in the file, in the file's order; trust is not looked at."""
    result = _run(need_tool("pdfsig"), "-nocert", str(path))
    signatures = []
    for block in re.split(r"^Signature #\d+:\s*$", result.stdout, flags=re.MULTILINE)[1:]:

        def value(label: str, block: str = block) -> str:
            found = re.search(rf"^\s*- {label}:? *(.*)$", block, flags=re.MULTILINE)
            return found.group(1).strip() if found else ""

        signatures.append(
            PdfsigSignature(
                field=value("Signature Field Name"),
                signer=value("Signer Certificate Common Name"),
                kind=value("Signature Type"),
                valid=value("Signature Validation") == "Signature is Valid.",
                total_document="- Total document signed" in block,
                text=block,
            )
        )
    return signatures


def qpdf_check(path: Path) -> tuple[int, str]:
    """Return (exit status, what it said) of ``qpdf --check``: 0 sound, 2 errors, 3 warnings."""
    result = _run(need_tool("qpdf"), "--check", str(path))
    return result.returncode, result.stdout + result.stderr


@dataclass(frozen=True)
class PyhankoSignature:
    """One signature as pyHanko sees it.

    :param intact: the document digest is right.
    :param valid: the signature value is right.
    :param trusted: a chain to the given roots was found.
    :param coverage: ``ENTIRE_FILE``, ``ENTIRE_REVISION``, ``CONTIGUOUS_BLOCK_FROM_START`` ...
    :param modification: ``NONE``, ``LTA_UPDATES``, ``FORM_FILLING``, ``ANNOTATIONS``, ``OTHER``.
    :param bottom_line: pyHanko's own headline.
    """

    field: str
    intact: bool
    valid: bool
    trusted: bool
    coverage: str
    modification: str
    bottom_line: bool
    text: str


def pyhanko_validate(
    data: bytes, roots: Iterable[bytes] = (), *, password: str | None = None
) -> list[PyhankoSignature]:
    """Return pyHanko's judgement of every embedded signature, in signing order.

    :param roots: trusted root certificates, DER or PEM; without any nothing is trusted.
    """
    from asn1crypto import pem, x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    anchors = [x509.Certificate.load(pem.unarmor(root)[2] if pem.detect(root) else root) for root in roots]
    # Not strict: the tests also hand in files that pyHanko's strict mode (hybrid references, say) will not read.
    reader = PdfFileReader(io.BytesIO(data), strict=False)
    if password is not None:
        reader.decrypt(password)
    statuses = []
    for embedded in reader.embedded_regular_signatures:
        context = ValidationContext(trust_roots=anchors, allow_fetching=False)
        status = validate_pdf_signature(embedded, context)
        statuses.append(
            PyhankoSignature(
                field=embedded.field_name,
                intact=status.intact,
                valid=status.valid,
                trusted=status.trusted,
                coverage=status.coverage.name,
                modification=status.modification_level.name if status.modification_level else "OTHER",
                bottom_line=status.bottom_line,
                text=status.pretty_print_details(),
            )
        )
    return statuses


# ------------------------------------------------------------------------------------------------------ renderers


def render_pdfium(data: bytes, page: int = 1, dpi: float = 150.0, password: str | None = None) -> Image.Image:
    """Render a page with annotations and form fields by pdfium; pages count from 1."""
    import pypdfium2

    with pypdfium2.PdfDocument(data, password=password) as document:
        document.init_forms()
        rendered = document[page - 1].render(scale=dpi / 72, may_draw_forms=True)
        return rendered.to_pil().convert("RGB")


def render_poppler(data: bytes, page: int = 1, dpi: float = 150.0) -> Image.Image:
    """Render a page by poppler's pdftoppm, cropped to the crop box as viewers do."""
    return _render(data, lambda source, target: [
        need_tool("pdftoppm"), "-r", str(dpi), "-cropbox", "-f", str(page), "-l", str(page),
        "-png", "-singlefile", str(source), str(target.with_suffix("")),
    ])  # fmt: skip


def render_mupdf(data: bytes, page: int = 1, dpi: float = 150.0) -> Image.Image:
    """Render a page by MuPDF."""
    return _render(data, lambda source, target: [
        need_tool("mutool"), "draw", "-q", "-r", str(dpi), "-o", str(target), str(source), str(page),
    ])  # fmt: skip


def _render(data: bytes, command: object) -> Image.Image:
    assert callable(command)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.pdf", Path(folder) / "page.png"
        source.write_bytes(data)
        result = _run(*command(source, target))
        assert target.exists(), result.stderr
        with Image.open(target) as image:
            return image.convert("RGB")


def differing_box_mm(
    before: Image.Image, after: Image.Image, dpi: float, threshold: int = 48
) -> tuple[float, float, float, float] | None:
    """Return (left, top, width, height) in mm of what differs between two renderings, ``None`` where nothing does."""
    from PIL import ImageChops

    assert before.size == after.size, "renderings of different size cannot be compared"
    difference = ImageChops.difference(before, after).convert("L").point(lambda value: 255 if value > threshold else 0)
    box = difference.getbbox()
    if box is None:
        return None
    mm = 25.4 / dpi
    return box[0] * mm, box[1] * mm, (box[2] - box[0]) * mm, (box[3] - box[1]) * mm
