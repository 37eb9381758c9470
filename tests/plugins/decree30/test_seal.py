"""The organisation's seal: true size, over the left third of the leader's ink, and only over a signature in order."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from kyso.document.opening import open_letter
from kyso.errors import KysoError, SigningRefused, WrongUse
from kyso.geometry import RectMm
from kyso.models import VIETNAM_TIME, Placement
from kyso.verification.report import (
    AlgorithmInfo,
    CertificateInfo,
    CertificateStatus,
    ChainInfo,
    Changes,
    FileInfo,
    Integrity,
    SignatureReport,
    SignerInfo,
    SigningTime,
    Verdict,
    VerificationReport,
)
from tests.plugins.decree30 import letters
from tests.support import judges
from tests.support.pixels import assert_close, bluish, find, reddish
from tests.support.placing import place, written

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=VIETNAM_TIME)
SAMPLES = {sample.name: sample for sample in letters.samples()}
DIAMETER = {"diameter_mm": "36"}


def report(
    fields: Sequence[str],
    verdict: Verdict = "valid",
    integrity: Integrity = "intact",
    changes: Changes = "none",
    status: CertificateStatus = "good",
) -> Callable[[], VerificationReport]:
    """Return a verification whose signatures all came out the same; verification itself has tests of its own."""
    signatures = tuple(
        SignatureReport(
            field=field,
            kind="approval",
            verdict=verdict,
            integrity=integrity,
            coverage="file",
            changes=changes,
            change_list=(),
            level="B-B",
            signer=SignerInfo("Nguyễn Văn Mẫu", "", ""),
            issuer="",
            managing_unit="",
            signing_time=SigningTime(NOW, "claimed"),
            certificate=CertificateInfo("1", "00", NOW, NOW, status, "none"),
            chain=ChainInfo(None, False, ()),
            algorithms=AlgorithmInfo("sha256", "rsa-pkcs1v15", 2048),
            indication="",
            sub_indication=None,
            reasons=(),
            page=1,
            rect_mm=None,
        )
        for field in fields
    )
    info = FileInfo("letter.pdf", None, None, None, None)
    return lambda: VerificationReport(info, verdict, integrity, changes, NOW, False, signatures)


def signed_by_leader(name: str, image: Path) -> tuple[bytes, Placement]:
    sample = SAMPLES[name]
    placement = place(sample.data, "decree30.leader", image=image, signer=sample.truth.name)
    return written(sample.data, placement), placement


def fields_of(data: bytes) -> list[str]:
    with open_letter(data) as letter:
        return [field.name for field in letter.signature_fields]


def seal(data: bytes, image: Path, settings: dict[str, str] | None = None, **given: object) -> Placement:
    values = {"report": report(fields_of(data)), **given}
    return place(data, "decree30.seal", settings or DIAMETER, image=image, **values)


@pytest.mark.parametrize("renderer", [judges.render_pdfium, judges.render_poppler, judges.render_mupdf])
@pytest.mark.parametrize("name", ["deputy", "rotated", "rotated-cropped", "upside-down-unit", "landscape"])
def test_the_seal_covers_the_left_third_as_rendered(
    name: str, renderer: object, signature_image: Path, seal_image: Path
) -> None:
    """Three renderers show it 36 mm across and about a third into the blue ink; `test_precision` measures finely."""
    assert callable(renderer)
    data, leader = signed_by_leader(name, signature_image)
    placement = seal(data, seal_image, {**DIAMETER, "confirm_number": "yes"})
    sealed = written(data, placement)
    with open_letter(data) as letter:
        page = letter.page(placement.page).rect_mm
    # Some renderers count pixels of user space, of which this page has half as many.
    dpi = 300.0 if name == "upside-down-unit" else 150.0
    blue = find(renderer(data, placement.page, dpi), page, bluish)
    red = find(renderer(sealed, placement.page, dpi), page, reddish)
    assert blue is not None
    assert red is not None
    assert_close(blue, leader.boxes_mm["ink"], 0.4)
    assert red.width == pytest.approx(36, abs=0.3)
    assert red.height == pytest.approx(36, abs=0.3)
    assert (red.right - blue.left) / blue.width == pytest.approx(1 / 3, abs=0.016)
    assert red.centre_y == pytest.approx(blue.centre_y, abs=0.3)


def test_the_measured_ink_is_the_picture_within_a_tenth_of_a_millimetre(signature_image: Path) -> None:
    """The leader's ink, read back from the signed file, is the box that was computed when it was placed."""
    for name in ("one-title", "rotated-cropped", "upside-down-unit"):
        data, leader = signed_by_leader(name, signature_image)
        with open_letter(data) as letter:
            assert_close(letter.ink_mm(fields_of(data)[0]), leader.boxes_mm["ink"], 0.1)


def test_pictures_with_margins_are_placed_by_what_is_visible(
    signature_image: Path, seal_image: Path, tmp_path: Path
) -> None:
    """Uneven transparent margins neither shrink the seal's true size nor move the third."""
    padded = {}
    for label, source in (("signature", signature_image), ("seal", seal_image)):
        with Image.open(source) as picture:
            canvas = Image.new("RGBA", (picture.width * 3 // 2, picture.height * 5 // 4), (255, 255, 255, 0))
            canvas.paste(picture, (picture.width // 3, picture.height // 5))
        padded[label] = tmp_path / f"{label}.png"
        canvas.save(padded[label])
    sample = SAMPLES["deputy"]
    leader = place(sample.data, "decree30.leader", image=padded["signature"])
    assert leader.boxes_mm["ink"].centre_x == pytest.approx(sample.truth.axis_mm, abs=0.5)
    data = written(sample.data, leader)
    placement = seal(data, padded["seal"])
    image = judges.render_pdfium(written(data, placement), 1, 300.0)
    red = find(image, RectMm(0, 0, 210, 297), reddish)
    ink = leader.boxes_mm["ink"]
    assert red is not None
    assert red.width == pytest.approx(36, abs=0.3)
    assert red.right == pytest.approx(ink.left + ink.width / 3, abs=0.3)


@pytest.mark.parametrize("ratio", ["0,25", "0.4", "1/2"])
def test_the_ratio_is_configurable(ratio: str, signature_image: Path, seal_image: Path) -> None:
    """Offices that read `about a third` differently set the ratio."""
    data, leader = signed_by_leader("deputy", signature_image)
    placement = seal(data, seal_image, {**DIAMETER, "ratio": ratio})
    wanted = {"0,25": 0.25, "0.4": 0.4, "1/2": 0.5}[ratio]
    ink = leader.boxes_mm["ink"]
    assert placement.boxes_mm["ink"].right == pytest.approx(ink.left + wanted * ink.width, abs=0.1)


def test_a_seal_that_is_not_round_has_width_and_height(signature_image: Path, seal_image: Path) -> None:
    """width_mm and height_mm give the true size; a picture of other proportions keeps its own, with a notice."""
    data, _ = signed_by_leader("deputy", signature_image)
    placement = seal(data, seal_image, {"width_mm": "50", "height_mm": "30"})
    assert placement.boxes_mm["ink"].height == pytest.approx(30)
    assert "decree30.seal_shape" in [notice.code for notice in placement.notices]


def test_a_seal_at_the_edge_is_moved_onto_the_page_and_says_so(signature_image: Path, seal_image: Path) -> None:
    """A signature too far left leaves no room for the seal: it stays fully on the page, with a notice."""
    data = SAMPLES["one-title"].data
    leader = place(data, "decree30.leader", image=signature_image, page=1, rect_mm=RectMm(5, 200, 40, 20))
    placement = seal(written(data, leader), seal_image)
    assert placement.boxes_mm["ink"].left == pytest.approx(0, abs=0.01)
    assert [notice.code for notice in placement.notices] == ["decree30.seal_moved"]


def test_without_a_leaders_signature_there_is_no_seal(seal_image: Path) -> None:
    """Article 32: an unsigned letter is refused before anything is verified."""
    with pytest.raises(SigningRefused) as refused:
        place(SAMPLES["deputy"].data, "decree30.seal", DIAMETER, image=seal_image)
    assert refused.value.code == "decree30.leader_missing"


@pytest.mark.parametrize(
    ("judged", "code"),
    [
        ({"verdict": "invalid", "integrity": "broken"}, "decree30.leader_broken"),
        ({"verdict": "invalid", "changes": "forbidden"}, "decree30.leader_changed"),
        ({"verdict": "undetermined", "changes": "annotations"}, "decree30.leader_changed"),
        ({"verdict": "invalid", "status": "revoked"}, "decree30.leader_certificate"),
        ({"verdict": "undetermined", "status": "expired"}, "decree30.leader_certificate"),
        ({"verdict": "undetermined", "status": "suspended"}, "decree30.leader_certificate"),
        ({"verdict": "invalid"}, "decree30.leader_invalid"),
    ],
    ids=str,
)
def test_a_signature_that_is_not_in_order_is_never_sealed(
    judged: dict[str, str], code: str, signature_image: Path, seal_image: Path
) -> None:
    """Broken, changed, revoked, suspended and expired signatures are refused, each with its own code."""
    data, _ = signed_by_leader("deputy", signature_image)
    with pytest.raises(SigningRefused) as refused:
        seal(data, seal_image, report=report(fields_of(data), **judged))  # type: ignore[arg-type]  # parametrised
    assert refused.value.code == code


def test_unknown_trust_is_a_notice(signature_image: Path, seal_image: Path) -> None:
    """An intact signature whose chain or revocation is not known is sealed with a warning."""
    data, _ = signed_by_leader("deputy", signature_image)
    placement = seal(data, seal_image, report=report(fields_of(data), "undetermined", status="unknown"))
    assert [notice.code for notice in placement.notices] == ["decree30.leader_untrusted"]


def test_another_tools_signature_between_title_and_name_is_the_leaders(signature_image: Path, seal_image: Path) -> None:
    """A signature that carries no kyso policy counts when it stands in the block; elsewhere it needs --leader-field."""
    data, leader = signed_by_leader("deputy", signature_image)
    foreign = without_policy(data)
    placement = seal(foreign, seal_image)
    ink = leader.boxes_mm["ink"]
    assert placement.boxes_mm["ink"].right == pytest.approx(ink.left + ink.width / 3, abs=0.15)
    elsewhere = without_policy(
        written(
            SAMPLES["deputy"].data,
            place(SAMPLES["deputy"].data, "fixed", image=signature_image, page=1, rect_mm=RectMm(100, 60, 40, 20)),
        )
    )
    with pytest.raises(SigningRefused) as refused:
        seal(elsewhere, seal_image)
    assert refused.value.code == "decree30.leader_missing"
    named = seal(elsewhere, seal_image, leader_field=fields_of(elsewhere)[0])
    assert named.boxes_mm["leader_ink"].centre_x == pytest.approx(120, abs=0.5)


def without_policy(data: bytes) -> bytes:
    """Return the file as another tool would have written it."""
    return data.replace(b"/KYSO_Policy", b"/OTHR_Policy")


def test_a_signature_is_sealed_once(signature_image: Path, seal_image: Path) -> None:
    """A second seal over the same signature is refused unless the field is named; of two leaders one must be named."""
    data, _ = signed_by_leader("deputy", signature_image)
    sealed = written(data, seal(data, seal_image))
    with pytest.raises(SigningRefused) as refused:
        seal(sealed, seal_image)
    assert refused.value.code == "decree30.already_sealed"
    joint = letters.joint()
    for signer in ("Bùi Thị Hòa", "Đỗ Minh Tuấn"):
        joint = written(joint, place(joint, "decree30.leader", image=signature_image, signer=signer))
    with pytest.raises(SigningRefused) as ambiguous:
        seal(joint, seal_image)
    assert ambiguous.value.code == "decree30.leader_ambiguous"
    first = seal(joint, seal_image, leader_field=fields_of(joint)[0])
    assert first.boxes_mm["leader_ink"].centre_x == pytest.approx(62, abs=0.5)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"ratio": "0.3"}, "decree30.seal_size_missing"),
        ({"width_mm": "30"}, "decree30.seal_size_missing"),
        ({"diameter_mm": "36", "width_mm": "30"}, "decree30.seal_size_twice"),
        ({"diameter_mm": "36", "ratio": "1.5"}, "decree30.ratio_out_of_range"),
        ({"diameter_mm": "400"}, "decree30.seal_larger_than_page"),
    ],
    ids=str,
)
def test_a_seal_needs_one_true_size(
    settings: dict[str, str], code: str, signature_image: Path, seal_image: Path
) -> None:
    """No size, half a size, two sizes, or one larger than the page: refused."""
    data, _ = signed_by_leader("deputy", signature_image)
    with pytest.raises(KysoError) as refused:
        seal(data, seal_image, settings)
    assert refused.value.code == code


def test_a_seal_needs_a_picture(signature_image: Path) -> None:
    """Without the seal's picture nothing is placed."""
    data, _ = signed_by_leader("deputy", signature_image)
    with pytest.raises(WrongUse) as refused:
        place(data, "decree30.seal", DIAMETER, report=report(fields_of(data)))
    assert refused.value.code == "decree30.seal_image_missing"


def test_a_named_place_moves_the_seal_but_keeps_its_size(signature_image: Path, seal_image: Path) -> None:
    """A rectangle or an empty field centres the seal; one too small for it is refused."""
    data, _ = signed_by_leader("deputy", signature_image)
    placement = seal(data, seal_image, page=1, rect_mm=RectMm(20, 60, 50, 40))
    assert placement.boxes_mm["ink"].as_tuple() == pytest.approx((27, 62, 36, 36), abs=0.1)
    with pytest.raises(SigningRefused) as refused:
        seal(data, seal_image, page=1, rect_mm=RectMm(20, 60, 30, 40))
    assert refused.value.code == "decree30.seal_larger_than_place"
    with pikepdf.open(io.BytesIO(SAMPLES["deputy"].data)) as pdf:
        widget = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Sig,
                T="ConDau",
                F=4,
                Rect=[100, 500, 240, 640],
            )
        )
        pdf.pages[0].obj.Annots = pdf.make_indirect(pikepdf.Array([widget]))
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([widget]))
        saved = io.BytesIO()
        pdf.save(saved)
    base = saved.getvalue()
    signed = written(base, place(base, "decree30.leader", image=signature_image))
    placed = seal(signed, seal_image, field="ConDau")
    image = judges.render_pdfium(written(signed, placed), 1, 200.0)
    red = find(image, RectMm(0, 0, 210, 297), reddish)
    assert_close(red, placed.boxes_mm["ink"], 0.4)
    assert placed.field == "ConDau"
