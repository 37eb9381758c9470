"""The authentication data: stable bytes, exact round trip, own schema, limits, and hostile XML."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from kyso.plugin import InputRefused
from kyso_kbnn.authentication_data import read_authentication_data, write_authentication_data
from kyso_kbnn.problems import DossierRefused, errors_among
from kyso_kbnn.profile import default_profile
from kyso_kbnn.xml_schema import schema_of, validate
from tests.plugins.kbnn.dossiers import FORMS, cash_dossier, dossier, judged, many_lines, raw_dossier

PROFILE = default_profile()


def xml(form: str = "16a1") -> bytes:
    return write_authentication_data(dossier(form), PROFILE)


def test_the_sample_has_known_bytes() -> None:
    """The digest was computed by hand-checked transcription of VIII.1.6, outside this program."""
    data = xml()
    assert len(data) == 3255
    assert hashlib.md5(data, usedforsecurity=False).hexdigest() == "52ed0915ad363b3f47431a3d7858f353"
    assert hashlib.sha256(data).hexdigest() == "0f5ab6f4b4f703e4fe3d29b59e6a6e2305f7224e5ef9ea9f272b9ffd93e8e32c"


@pytest.mark.parametrize("form", FORMS)
def test_xml_to_dossier_to_xml_is_identical(form: str) -> None:
    """Reading and writing again gives the same bytes, for every form."""
    data = xml(form)
    again = read_authentication_data(data, PROFILE)
    assert write_authentication_data(again, PROFILE) == data
    assert again.vouchers[0].form == form
    assert again.vouchers[0].lines[0]["v_noi_dung"] == dossier(form).vouchers[0].lines[0]["v_noi_dung"]


def test_several_vouchers_of_several_forms_in_one_dossier() -> None:
    """GN_HOSO_TAILIEU is repeated; each voucher is read by its own form and validated by its own schema."""
    raw = raw_dossier()
    other = raw_dossier("07")["vouchers"][0]
    other["header"]["v_so_chung_tu"] = "T261120_1999999_0099002"
    raw["vouchers"].append(other)
    made, found = judged(raw)
    assert errors_among(found) == []
    data = write_authentication_data(made, PROFILE)
    validate(data, PROFILE)
    assert [voucher.form for voucher in read_authentication_data(data, PROFILE).vouchers] == ["16a1", "07"]


def test_the_treasurys_own_code_is_written_only_under_its_condition() -> None:
    """C3: DV_NHANTIEN_KBNN_ID carries the code when the payee is paid at a treasury, and is empty otherwise."""
    raw = raw_dossier()
    raw["vouchers"][0]["header"] |= {"v_dv_nhantien_loai": 0, "v_dv_nhantien_nganhang_ma": "0098"}
    data = write_authentication_data(judged(raw)[0], PROFILE)
    assert b"<DV_NHANTIEN_KBNN_ID>0098</DV_NHANTIEN_KBNN_ID>" in data
    assert b"<DV_NHANTIEN_KBNN_ID></DV_NHANTIEN_KBNN_ID>" in xml()
    assert write_authentication_data(read_authentication_data(data, PROFILE), PROFILE) == data


def test_bytes_do_not_depend_on_the_machine() -> None:
    """Another process with another locale and zone writes the same bytes."""
    program = (
        "import sys, hashlib; from tests.plugins.kbnn.test_authentication_data import xml;"
        "sys.stdout.write(hashlib.sha256(xml()).hexdigest())"
    )
    environment = {"LC_ALL": "C", "TZ": "America/New_York", "PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == hashlib.sha256(xml()).hexdigest()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_valid_against_its_exported_schema(form: str) -> None:
    """The exported schema is a schema of its own and accepts what is written."""
    schema = etree.XMLSchema(etree.fromstring(schema_of(form, PROFILE)))
    assert schema.validate(etree.fromstring(xml(form)))
    validate(xml(form), PROFILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<SO_TIEN>54000000</SO_TIEN>", b"<SO_TIEN>-54000000</SO_TIEN>"),
        (b"<SO_TIEN>54000000</SO_TIEN>", "<SO_TIEN>٥٤</SO_TIEN>".encode()),
        (b"<SU_DUNG_CKS>1</SU_DUNG_CKS>", b"<SU_DUNG_CKS>0</SU_DUNG_CKS>"),
        (b"<MTK_NGUOINHAN_ID></MTK_NGUOINHAN_ID>", b"<MTK_NGUOINHAN_ID>7</MTK_NGUOINHAN_ID>"),
        (b"<NGAY_CHUNG_TU>20/11/2026<", b"<NGAY_CHUNG_TU>2026-11-20<"),
        (b"<THUCCHI_TAMUNG>0<", b"<THUCCHI_TAMUNG>5<"),
        (b"<LOAI>1</LOAI>", b""),
        (b"<GN_TAILIEU_ID>423<", b"<GN_TAILIEU_ID>424<"),
    ],
)
def test_the_schema_refuses_what_is_not_of_the_form(old: bytes, new: bytes) -> None:
    """Signs, foreign digits, constants, dates, choices, missing elements and a wrong form number are invalid."""
    data = xml()
    assert old in data
    with pytest.raises(InputRefused) as caught:
        validate(data.replace(old, new, 1), PROFILE)
    assert caught.value.code == "kbnn.xml_invalid"


def test_exactly_the_limit_passes_and_one_more_does_not() -> None:
    """32,000 characters pass, 32,001 are refused before anything is signed; characters count, not bytes."""
    raw = many_lines(70)
    made = judged(raw)[0]
    spare = 32000 - len(write_authentication_data(made, PROFILE).decode())
    for one in raw["vouchers"][0]["lines"]:
        extra = min(spare, 400)
        one["v_noi_dung"] += "ơ" * extra
        spare -= extra
    assert spare == 0
    assert len(write_authentication_data(judged(raw)[0], PROFILE).decode()) == 32000
    raw["vouchers"][0]["lines"][-1]["v_noi_dung"] += "ơ"
    with pytest.raises(InputRefused) as caught:
        write_authentication_data(judged(raw)[0], PROFILE)
    assert caught.value.parameters["length"] == 32001


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><GNHS_HOSO>&b;</GNHS_HOSO>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><GNHS_HOSO>&f;</GNHS_HOSO>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (BOMB, "kbnn.xml_doctype"),
        (OUTSIDE, "kbnn.xml_doctype"),
        (b'<?xml version="1.0" encoding="UTF-16"?>'.decode().encode("utf-16"), "kbnn.xml_not_utf8"),
        (b"<GNHS_HOSO>" * 5000, "kbnn.xml_wrong"),
        (b"<GNHS_HOSO>&undefined;</GNHS_HOSO>", "kbnn.xml_wrong"),
        (b"", "kbnn.xml_wrong"),
        (b"\x00\x01", "kbnn.xml_wrong"),
        (b"<A></A>", "kbnn.xml_element"),
        (b"<GNHS_HOSO></GNHS_HOSO>", "kbnn.xml_element"),
        (b"<GNHS_HOSO>" + b" " * 300_000 + b"</GNHS_HOSO>", "kbnn.input_too_large"),
    ],
)
def test_hostile_xml_is_refused(data: bytes, code: str) -> None:
    """Entity bombs, external entities, other encodings, deep nesting, size: an error with a code, no traceback."""
    with pytest.raises(InputRefused) as caught:
        read_authentication_data(data, PROFILE)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<MA_HO_SO>", b"<MA_HO_SO a='1'>", "kbnn.xml_unexpected"),
        (b"<LOAI>1</LOAI>", b"<LOAI>1</LOAI><!-- x -->", "kbnn.xml_unexpected"),
        (b"<LOAI>1</LOAI>", b"<LOAI>1</LOAI>text", "kbnn.xml_unexpected"),
        (b"<LOAI>1</LOAI>", b"<LOAI>2</LOAI>", "kbnn.xml_value_differs"),
        (b"<DVQHNS_MA>1999999</DVQHNS_MA>", b"<DVQHNS_MA>1999998</DVQHNS_MA>", "kbnn.xml_value_differs"),
        (b"<LOAI>1</LOAI>", b"\n<LOAI>1</LOAI>", "kbnn.xml_not_canonical"),
        (b"<DV_NHANTIEN_MA></DV_NHANTIEN_MA>", b"<DV_NHANTIEN_MA/>", "kbnn.xml_not_canonical"),
        (b"<SO_TIEN>54000000<", b"<SO_TIEN>054000000<", "kbnn.xml_value_differs"),
        (b"<SO_TIEN>54000000<", b"<SO_TIEN>x<", "kbnn.dossier_refused"),
        (b"<GN_TAILIEU_ID>423<", b"<GN_TAILIEU_ID>9<", "kbnn.xml_form_unknown"),
        (b"<TONG_SO_TIEN>", b"<TONG>", "kbnn.xml_wrong"),
    ],
)
def test_anything_the_program_would_not_write_is_refused(old: bytes, new: bytes, code: str) -> None:
    """Attributes, comments, stray text, other constants, two values for one field, other spellings of one value."""
    data = xml()
    assert old in data
    with pytest.raises(InputRefused) as caught:
        read_authentication_data(data.replace(old, new, 1), PROFILE)
    assert caught.value.code == code


def test_other_blanks_are_read_when_exactness_is_not_asked() -> None:
    """What other software indents is still understood by the checker; only the bytes' own signature judges them."""
    data = xml().replace(b"><", b">\n<")
    with pytest.raises(InputRefused):
        read_authentication_data(data, PROFILE)
    assert read_authentication_data(xml().replace(b"<LOAI>", b"\n<LOAI>"), PROFILE, exact=False).code


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_bytes_is_read_as_the_same_dossier(data: st.DataObject) -> None:
    """A changed byte is refused or read as another dossier; nothing but a refusal is ever raised."""
    original = xml()
    position = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[position] = data.draw(st.integers(0, 255).filter(lambda value: value != original[position]))
    try:
        again = read_authentication_data(bytes(changed), PROFILE)
    except InputRefused:
        return
    assert write_authentication_data(again, PROFILE) == bytes(changed) != original


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=300))
def test_any_text_that_is_accepted_survives_the_round_trip(content: str) -> None:
    """Whatever a person may write in a line stands in the XML and comes back as the same text."""
    raw = cash_dossier()
    raw["vouchers"][0]["lines"][0]["v_noi_dung"] = content
    made, found = judged(raw)
    if errors_among(found):
        return
    data = write_authentication_data(made, PROFILE)
    validate(data, PROFILE)
    again = read_authentication_data(data, PROFILE)
    assert again.vouchers[0].lines[0]["v_noi_dung"] == made.vouchers[0].lines[0]["v_noi_dung"]


def test_single_wrong_values_are_named_together() -> None:
    """Two unreadable values in the XML are two problems of one refusal."""
    data = xml().replace(b"<SO_TIEN>54000000<", b"<SO_TIEN>x<").replace(b"NGAY_TAO>20/11/2026", b"NGAY_TAO>20-11-2026")
    with pytest.raises(DossierRefused) as caught:
        read_authentication_data(data, PROFILE)
    assert len(caught.value.problems) == 2


def test_the_json_schema_accepts_the_samples_by_its_own_patterns() -> None:
    """The exported JSON Schema lists every form, every field a person fills, and is plain JSON."""
    from kyso_kbnn.json_schema import dossier_schema

    schema = json.loads(json.dumps(dossier_schema(PROFILE)))
    assert set(schema["$defs"]) == set(FORMS)
    for form in FORMS:
        raw = raw_dossier(form)["vouchers"][0]
        shape = schema["$defs"][form]["properties"]
        assert set(raw["header"]) <= set(shape["header"]["properties"])
        assert set(shape["header"].get("required", ())) <= set(raw["header"])
        for line in raw["lines"]:
            assert set(line) <= set(shape["lines"]["items"]["properties"])
            assert set(shape["lines"]["items"].get("required", ())) <= set(line)
