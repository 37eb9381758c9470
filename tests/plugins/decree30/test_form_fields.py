"""Number and date go into fields that were made before the authorised person signed (articles 14 and 15)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops

from kyso import Config, Engine, Secret
from kyso.config import LeaderSection, SealSection, VerificationSection
from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.document.opening import open_letter
from kyso.errors import SigningRefused, WrongUse
from kyso.geometry import RectMm
from kyso.models import VIETNAM_TIME, SignedDocument, SignRequest
from kyso.plugins import create_plugin_manager
from kyso_decree30.form_fields import issue_fields
from kyso_decree30.head import read_head
from tests.plugins.decree30.drafts import NUMBER_LINES, draft
from tests.plugins.decree30.letters import Truth
from tests.support import judges

NUMBER, WIDE = RectMm(45, 32.5, 14, 6.5), RectMm(60, 32.5, 36, 6.5)
DAY, MONTH, YEAR = RectMm(128, 32.5, 8, 6.5), RectMm(150, 32.5, 8, 6.5), RectMm(170, 32.5, 14, 6.5)
WHOLE_DATE = RectMm(120, 32.5, 70, 6.5)
SEAL_PLACE = RectMm(95, 120, 60, 60)


def with_fields(
    data: bytes, texts: Mapping[str, RectMm], signatures: Mapping[str, RectMm] | None = None, page: int = 1
) -> bytes:
    """Add a form with text fields and empty signature fields."""
    with open_letter(data) as letter, pikepdf.open(io.BytesIO(data)) as pdf:
        fields = []
        kinds = (("Tx", texts, 1), ("Sig", signatures or {}, page))
        for kind, named, number in kinds:
            geometry, sheet = letter.page(number), pdf.pages[number - 1].obj
            for name, rect in named.items():
                field = pdf.make_indirect(
                    pikepdf.Dictionary(
                        Type=pikepdf.Name.Annot,
                        Subtype=pikepdf.Name.Widget,
                        FT=pikepdf.Name("/" + kind),
                        T=name,
                        F=4,
                        Rect=list(geometry.to_user(rect)),
                        P=sheet,
                    )
                )
                fields.append(field)
                sheet.Annots = [*sheet.get("/Annots", []), field]
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=fields, DA="/Helv 12 Tf 0 g")
        saved = io.BytesIO()
        pdf.save(saved)
    return saved.getvalue()


@pytest.fixture(scope="module")
def engine(pki: DemoPki, signature_image: Path, seal_image: Path) -> Iterator[Engine]:
    """The demo's office, whose roots are trusted."""
    config = Config(
        leader=LeaderSection(signature_image),
        seal=SealSection(seal_image, diameter_mm=36.0),
        verification=VerificationSection((pki.root_pem,), (pki.crl_folder,)),
    )
    with Engine(config, create_plugin_manager(), ask_secret=lambda *_: Secret(DEMO_PASSWORD)) as opened:
        yield opened


def signed(engine: Engine, data: bytes, pki: DemoPki, who: str, policy: str, **given: object) -> SignedDocument:
    """Sign in memory with one of the demo's keys."""
    request = SignRequest(data, f"pfx:{pki.pfx(who)}", policy, **given)  # type: ignore[arg-type]  # fields by name
    outcome = engine.sign(request)
    assert isinstance(outcome, SignedDocument)
    return outcome


def space(truth: Truth) -> RectMm:
    """Return a signature field of 40 mm between title and name."""
    return RectMm(truth.axis_mm - 20, truth.above_mm + 2, 40, truth.below_mm - truth.above_mm - 8)


def seal_place(truth: Truth) -> RectMm:
    """Return a signature field large enough for the seal."""
    room = space(truth)
    return RectMm(room.left - 30, room.centre_y - 20, 60, 40)


def values(data: bytes) -> dict[str, str]:
    """Return what the text fields hold."""
    with open_letter(data) as letter:
        return {field.name: field.value for field in letter.text_fields}


def newly_drawn(renderer: Callable[[bytes, int, float], Image.Image], before: bytes, after: bytes) -> Image.Image:
    """Return what page 1 of the second file shows and that of the first one does not."""
    return ImageChops.subtract(*(renderer(data, 1, DPI).convert("L") for data in (before, after)))


def drawn_in(new_ink: Image.Image, rect: RectMm) -> RectMm | None:
    """Return where in `rect` there is something new."""
    scale = DPI / 25.4
    box = (rect.left * scale, rect.top * scale, rect.right * scale, rect.bottom * scale)
    new = new_ink.crop(tuple(map(round, box))).point([0] * 60 + [255] * 196).getbbox()
    if new is None:
        return None
    left, top, right, bottom = (length / scale for length in new)
    return RectMm(rect.left + left, rect.top + top, right - left, bottom - top)


DPI = 120.0
BLANK_DATE = "Hà Nội, ngày        tháng        năm"
TODAY = {"number": "7/UBND-VP", "date": f"{datetime.now(VIETNAM_TIME):%d/%m/%Y}"}


def test_fields_are_known_by_name_label_and_place() -> None:
    """What a field is called decides, else where it stands; a field elsewhere on the page is nobody's."""
    drafted = draft(NUMBER_LINES["spaces"], BLANK_DATE).data
    for names, expected in (
        ({"so_van_ban": NUMBER, "Ngay": DAY, "Thang": MONTH, "Nam": YEAR}, "number day month year"),
        ({"form1.So-KyHieu": NUMBER, "NgayBanHanh": WHOLE_DATE}, "number date"),
        ({"a": NUMBER, "b": DAY, "c": MONTH, "d": YEAR}, "number day month year"),
        ({"a": NUMBER, "b": DAY, "c": MONTH}, "number"),
        ({"x": RectMm(20, 250, 30, 6)}, ""),
        ({"ngày": WHOLE_DATE}, "date"),
    ):
        with open_letter(with_fields(drafted, names)) as letter:
            found = issue_fields(letter, read_head(letter))
        assert sorted(found.by_role) == sorted(expected.split())


def test_a_certified_letter_has_its_fields_filled(engine: Engine, pki: DemoPki, tmp_path: Path) -> None:
    """The seal's update fills the fields, their values can be read, and every signature is still valid."""
    sample = draft(NUMBER_LINES["spaces"], BLANK_DATE)
    place = seal_place(sample.truth)
    data = with_fields(
        sample.data,
        {"so": NUMBER, "ngay": DAY, "thang": MONTH, "nam": YEAR},
        {"Dau": place, "LanhDao": space(sample.truth)},
    )
    certified = signed(engine, data, pki, "leader", "decree30.leader", field="LanhDao", certify=2).data
    assert certified is not None
    sealed = signed(engine, certified, pki, "seal", "decree30.seal", field="Dau", settings=TODAY)
    assert sealed.data is not None
    assert "decree30.fields_drawn_over" not in {notice.code for notice in sealed.notices}
    filled = values(sealed.data)
    assert filled["so"] == "07"
    assert [filled[name] for name in ("ngay", "thang", "nam")] != ["", "", ""]
    report = engine.verify(sealed.data)
    assert report.integrity == "intact"
    assert report.changes in ("permitted", "form_filling")
    assert report.verdict == "valid"
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed.data)
    assert [signature.valid for signature in judges.pdfsig(path)] == [True, True]
    for renderer in (judges.render_pdfium, judges.render_poppler, judges.render_mupdf):
        new_ink = newly_drawn(renderer, certified, sealed.data)
        for rect in (NUMBER, DAY, MONTH, YEAR):
            assert drawn_in(new_ink, rect) is not None
    with pytest.raises(WrongUse) as refused:
        signed(engine, sealed.data, pki, "seal", "decree30.number", settings={**TODAY, "number": "8/UBND-VP"})
    assert refused.value.code == "decree30.number_differs"


def test_an_uncertified_letter_shows_them_at_the_fields_place(engine: Engine, pki: DemoPki) -> None:
    """A filled field would count as a change, so the seal's own appearance draws there, says why, and all is valid."""
    sample = draft(NUMBER_LINES["label-only"], None)
    data = with_fields(sample.data, {"so": WIDE, "ngay_ban_hanh": WHOLE_DATE})
    by_leader = signed(engine, data, pki, "leader", "decree30.leader").data
    assert by_leader is not None
    sealed = signed(engine, by_leader, pki, "seal", "decree30.seal", settings=TODAY)
    assert sealed.data is not None
    assert "decree30.fields_drawn_over" in {notice.code for notice in sealed.notices}
    assert set(values(sealed.data).values()) == {""}
    report = engine.verify(sealed.data)
    assert (report.verdict, report.changes) == ("valid", "permitted")
    for renderer in (judges.render_pdfium, judges.render_poppler):
        new_ink = newly_drawn(renderer, by_leader, sealed.data)
        for rect in (WIDE, WHOLE_DATE):
            shown = drawn_in(new_ink, rect)
            assert shown is not None
            assert shown.centre_x == pytest.approx(rect.centre_x, abs=1.5)


def test_an_unsigned_letter_may_be_numbered_into_its_fields(engine: Engine, pki: DemoPki) -> None:
    """Numbered before anybody signed, the signature has nothing to show but the fields; a second number is refused."""
    data = with_fields(draft(NUMBER_LINES["label-only"], None).data, {"so": WIDE, "date": WHOLE_DATE})
    numbered = signed(engine, data, pki, "seal", "decree30.number", settings=TODAY)
    assert numbered.rect_mm is None
    assert numbered.data is not None
    assert values(numbered.data)["so"] == "07/UBND-VP"
    assert values(numbered.data)["date"].startswith("ngày ")
    assert engine.verify(numbered.data).verdict == "valid"
    with pytest.raises(WrongUse) as refused:
        signed(engine, numbered.data, pki, "seal", "decree30.number", settings=TODAY)
    assert refused.value.code == "decree30.numbered_already"


def test_what_cannot_be_reached_is_refused_with_the_way(engine: Engine, pki: DemoPki) -> None:
    """A seal in a prepared field cannot draw a number elsewhere; a number too long for its field is not squeezed."""
    sample = draft(NUMBER_LINES["spaces"], BLANK_DATE)
    place = seal_place(sample.truth)
    data = with_fields(sample.data, {}, {"Dau": place, "So": NUMBER, "LanhDao": space(sample.truth)})
    certified = signed(engine, data, pki, "leader", "decree30.leader", field="LanhDao", certify=2).data
    assert certified is not None
    with pytest.raises(SigningRefused) as refused:
        signed(engine, certified, pki, "seal", "decree30.seal", field="Dau", settings=TODAY)
    assert refused.value.code == "decree30.number_outside_field"
    numbered = signed(engine, certified, pki, "seal", "decree30.number", field="So", settings={"number": "7"})
    assert numbered.data is not None
    narrow = with_fields(draft(NUMBER_LINES["label-only"], None).data, {"so": RectMm(45, 32.5, 9, 6.5)})
    with pytest.raises(SigningRefused) as refused:
        signed(engine, narrow, pki, "seal", "decree30.number", settings={"number": "123456/UBND-VPVPVPVP"})
    assert refused.value.code == "decree30.blank_too_narrow"


def test_a_waiting_signature_field_is_named(engine: Engine, pki: DemoPki) -> None:
    """An empty signature field at the number's place stays empty when the seal draws the number, and that is said."""
    sample = draft(NUMBER_LINES["spaces"], BLANK_DATE)
    data = with_fields(sample.data, {}, {"ChoSo": NUMBER})
    by_leader = signed(engine, data, pki, "leader", "decree30.leader").data
    assert by_leader is not None
    sealed = signed(engine, by_leader, pki, "seal", "decree30.seal", settings=TODAY)
    assert "decree30.number_field_waits" in {notice.code for notice in sealed.notices}
