"""What signing would break is refused before any key is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, String

from kyso.contracts import Finding
from kyso.document.fitness import check_fitness, could_be_signed_attributes
from kyso.document.opening import open_letter
from kyso.document.permissions import FieldLock
from kyso.errors import SigningRefused
from tests.core.update import shapes
from tests.core.update.signed import assert_valid, sign, signer


def findings(data: bytes, **asked: Any) -> list[Finding]:
    """Return the findings for a visible new field, with `asked` changed."""
    with open_letter(data) as letter:
        return check_fitness(letter, **({"field": None, "visible": True} | asked))


def codes(data: bytes, **asked: Any) -> list[str]:
    """Return the findings' codes."""
    return [finding.code for finding in findings(data, **asked)]


def test_a_plain_letter_is_fit() -> None:
    """Nothing speaks against signing an ordinary letter."""
    assert findings(shapes.built()) == []


def test_a_certified_letter_takes_no_signature() -> None:
    """DocMDP 1 refuses every further signature, seen or unseen, also into an empty field."""
    certified = sign(shapes.built(shapes.empty_field("Ký")), certify=1, rect_mm=None)
    for asked in ({}, {"visible": False}, {"field": "Ký"}):
        assert codes(certified, **asked) == ["signing.certified_no_changes"]


@pytest.mark.parametrize("level", [2, 3])
def test_a_certified_letter_takes_signatures_into_its_empty_fields(level: int, tmp_path: Path) -> None:
    """DocMDP 2 and 3: the empty field is filled, a new visible one refused and the empty ones named."""
    certified = sign(shapes.built(shapes.empty_field("Ký")), certify=level, rect_mm=None)
    (finding,) = findings(certified)
    assert (finding.code, finding.refuse) == ("signing.certified_no_new_field", True)
    assert finding.parameters["fields"] == ["Ký"]
    assert codes(certified, visible=False) == []
    filled = sign(certified, field="Ký")
    assert_valid(certified, filled, tmp_path, count=2)
    assert codes(filled) == ["signing.certified_no_field_left"]


def test_a_certification_comes_first() -> None:
    """A letter that is signed cannot be certified any more."""
    assert codes(sign(shapes.built()), certify=2) == ["signing.certify_not_first"]


@pytest.mark.parametrize(
    ("action", "names", "target", "refused"),
    [
        ("All", (), "a", "signing.field_locked"),
        ("All", (), None, "signing.fields_locked"),
        ("Include", ("a",), "a", "signing.field_locked"),
        ("Include", ("a",), "ab", None),
        ("Include", ("a",), None, None),
        ("Include", ("ab",), "a", None),
        ("Exclude", ("ab",), "a", "signing.field_locked"),
        ("Exclude", ("ab",), "ab", None),
        ("Exclude", ("ab",), None, "signing.fields_locked"),
    ],
)
def test_locks_hold_for_the_fields_they_name(
    action: str, names: tuple[str, ...], target: str | None, refused: str | None, tmp_path: Path
) -> None:
    """A lock refuses exactly the fields inside it; where it allows one, pyHanko finds nothing wrong."""
    locked = sign(shapes.built(shapes.with_lock(action, *names)), field="lock")
    for visible in (True, False):
        assert codes(locked, field=target, visible=visible) == ([refused] if refused else [])
    if refused:
        with pytest.raises(SigningRefused):
            sign(locked, field=target)
    else:
        assert_valid(locked, sign(locked, field=target), tmp_path, count=2)


@pytest.mark.parametrize(
    ("lock", "field", "held"),
    [
        (FieldLock("Include", ("a",), "s"), "a", True),
        (FieldLock("Include", ("a",), "s"), "a.b", True),
        (FieldLock("Include", ("a",), "s"), "ab", False),
        (FieldLock("Include", ("a.b",), "s"), "a", False),
        (FieldLock("Exclude", ("a",), "s"), "a.b", False),
        (FieldLock("Exclude", ("a",), "s"), "ab", True),
        (FieldLock("All", (), "s"), "anything", True),
    ],
)
def test_names_are_compared_whole(lock: FieldLock, field: str, held: bool) -> None:
    """A name stands for its field and the fields below it, never for names that merely begin alike."""
    assert lock.locks(field) is held


def test_a_field_apart_from_its_widget_is_not_filled_in_a_signed_letter() -> None:
    """Reviewers would call the first signature broken, therefore the field is refused."""
    assert codes(sign(shapes.built(shapes.nested_field), rect_mm=None), field="a.b") == ["signing.field_split"]


def test_a_field_without_place_takes_only_an_unseen_signature_in_a_signed_letter(tmp_path: Path) -> None:
    """Giving it a place would change what is signed; without one it is filled."""
    signed = sign(shapes.built(shapes.field_without_widget), rect_mm=None)
    assert codes(signed, field="Bare") == ["signing.field_without_place"]
    assert_valid(signed, sign(signed, field="Bare", rect_mm=None), tmp_path, count=2)


def test_a_widget_on_no_page_takes_only_an_unseen_signature() -> None:
    """A field whose widget no page shows would swallow the stamp, therefore a visible signature is refused."""

    def change(pdf: pikepdf.Pdf) -> None:
        shapes.empty_field("Ký")(pdf)
        del pdf.Root.AcroForm.Fields[0]["/P"]
        del pdf.pages[1].obj["/Annots"]

    data = shapes.built(change)
    assert codes(data, field="Ký") == ["signing.field_without_place"]
    assert codes(data, field="Ký", visible=False) == []


def seed(**entries: Any) -> bytes:
    """Return a letter whose empty field ``Ký`` has this seed value dictionary."""
    return shapes.built(shapes.empty_field("Ký", SV=Dictionary(Type=Name.SV, **entries)))


@pytest.mark.parametrize(
    ("entries", "asked", "demanded"),
    [
        ({"Ff": 2, "SubFilter": Array([Name("/adbe.pkcs7.detached")])}, {}, "/SubFilter"),
        ({"Ff": 2, "SubFilter": Array([Name("/ETSI.CAdES.detached")])}, {}, None),
        ({"Ff": 0, "SubFilter": Array([Name("/adbe.pkcs7.detached")])}, {}, None),
        ({"Ff": 1, "Filter": Name("/Other.Filter")}, {}, "/Filter"),
        ({"Ff": 64, "DigestMethod": Array([String("SHA512")])}, {"digest": "sha256"}, "/DigestMethod"),
        ({"Ff": 64, "DigestMethod": Array([String("SHA256")])}, {"digest": "sha256"}, None),
        ({"Ff": 8, "Reasons": Array([String("Duyệt")])}, {"reason": "Khác"}, "/Reasons"),
        ({"Ff": 8, "Reasons": Array([String("Duyệt")])}, {}, "/Reasons"),
        ({"Ff": 8, "Reasons": Array([String("Duyệt")])}, {"reason": "Duyệt"}, None),
        ({"Ff": 8, "Reasons": Array([String(".")])}, {"reason": "Duyệt"}, "/Reasons"),
        ({"MDP": Dictionary(P=2)}, {}, "/MDP"),
        ({"MDP": Dictionary(P=2)}, {"certify": 2}, None),
        ({"MDP": Dictionary(P=0)}, {"certify": 2}, "/MDP"),
        ({"Ff": 16, "LegalAttestation": Array([String("x")])}, {}, "/LegalAttestation"),
        ({"Ff": 4, "V": 2}, {}, None),
        ({"Ff": 4, "V": 3}, {}, "/V"),
        ({"Cert": Dictionary(Ff=1)}, {}, "/Cert"),
        ({"TimeStamp": Dictionary(Ff=1, URL=String("http://tsa.example"))}, {}, "/TimeStamp"),
    ],
)
def test_a_fields_demands_are_met_or_named(
    entries: dict[str, Any], asked: dict[str, Any], demanded: str | None
) -> None:
    """Binding seed values that the signature would not meet refuse it and say which; the others do not."""
    found = findings(seed(**entries), field="Ký", **asked)
    assert [finding.parameters["entry"] for finding in found] == ([demanded] if demanded else [])
    assert all(finding.code == "signing.seed_value" and finding.refuse for finding in found)


def test_forms_that_draw_themselves_are_refused() -> None:
    """Dynamic XFA is refused, static XFA and usage rights are only mentioned."""

    def form(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xdp/>"))
        pdf.Root.Perms = Dictionary(UR3=Dictionary())

    def dynamic(pdf: pikepdf.Pdf) -> None:
        form(pdf)
        pdf.Root.NeedsRendering = True

    assert codes(shapes.built(form)) == ["signing.xfa_static", "signing.usage_rights"]
    assert not any(finding.refuse for finding in findings(shapes.built(form)))
    assert codes(shapes.built(dynamic)) == ["signing.xfa_dynamic"]


def test_a_permission_that_the_owner_withheld_is_mentioned() -> None:
    """An encrypted letter whose owner allows no form filling can be signed, with a word of warning."""
    allow = pikepdf.Permissions(modify_form=False, modify_annotation=False, modify_other=False, modify_assembly=False)
    data = shapes.built(encryption=pikepdf.Encryption(user="", owner="o", allow=allow))
    assert codes(data) == ["signing.permissions"]


def test_a_damaged_letter_opened_for_repair_is_not_fit() -> None:
    """What was opened in order to be repaired cannot be signed by mistake."""
    broken = shapes.built().replace(b"startxref", b"startxxxx")
    with open_letter(broken, repairing=True) as letter:
        (finding,) = check_fitness(letter, field=None, visible=False)
    assert (finding.code, finding.refuse) == ("document.damaged", True)


def test_signed_attributes_are_recognised(tmp_path: Path) -> None:
    """The DER of real signed attributes is recognised with each of its tags; a letter and a certificate are not."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from kyso.cms.build import signed_attributes
    from tests.core.update.signed import SIGNED_AT

    certificate = signer()[1].certificate.public_bytes(Encoding.DER)
    attributes = signed_attributes(bytes(32), certificate, "pkcs7", SIGNED_AT)
    for tag in (b"\x31", b"\x30", b"\xa0"):
        assert could_be_signed_attributes(tag + attributes[1:])
    assert not could_be_signed_attributes(attributes[:-1])
    assert not could_be_signed_attributes(attributes + b"\x00")
    assert not could_be_signed_attributes(certificate)
    assert not could_be_signed_attributes(shapes.built())
    assert not could_be_signed_attributes(b"")


@given(data=st.binary(max_size=200))
def test_any_bytes_can_be_asked_about(data: bytes) -> None:
    """The question has an answer for any bytes, and it is no for what does not begin like attributes."""
    answer = could_be_signed_attributes(data)
    assert answer is False or data[:1] in (b"\x30", b"\x31", b"\xa0")
