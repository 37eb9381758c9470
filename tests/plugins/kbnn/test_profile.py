"""The profile: one file, frozen values, and no entry that is silently ignored."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from kyso.plugin import ConfigWrong
from kyso_kbnn.profile import default_profile, load_profile, parse_profile

TEXT = resources.files("kyso_kbnn").joinpath("profile.toml").read_text(encoding="utf-8")


def test_every_table_of_the_decision_is_there_with_its_number_of_fields() -> None:
    """Tables 4.1 to 4.13 have the fields the decision prints, besides those marked as not sent."""
    expected = {
        "4.1": 7,
        "4.2": 9,
        "4.3": 55,
        "4.4": 10,
        "4.5": 54,
        "4.6": 8,
        "4.7": 20,
        "4.8": 10,
        "4.9": 35,
        "4.10": 10,
        "4.11": 46,
        "4.12": 9,
        "4.13": 8,
    }
    found = {
        table.source: sum(field.sent for field in table.fields)
        for table in default_profile().tables.values()
        if table.source
    }
    assert found == expected


def test_document_ids_are_the_decisions() -> None:
    """GN_TAILIEU_ID of the seven forms (VIII.1.6, row 15)."""
    found = {name: form.document_id for name, form in default_profile().forms.items()}
    assert found == {"16a1": 423, "16a2": 500, "16c1": 425, "16c3": 421, "07": 99, "05a": 88, "06": 424}


def test_what_the_decision_says_and_what_the_profile_proposes_stay_apart() -> None:
    """Only v_du_lieu_toan_van and the fields of rules C0 to C3 carry an obligation of the decision."""
    said = {
        (table.source, field.name): field.said
        for table in default_profile().tables.values()
        for field in table.fields
        if field.said
    }
    assert [key for key, value in said.items() if value == "always"] == [("4.2", "v_du_lieu_toan_van")]
    assert set(said.values()) == {"always", "C0", "C1", "C2", "C3"}


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        ('signed_content = "raw"', 'signed_content = "raw"\nsigned_contents = "cms"', "envelope.signed_contents"),
        ('signed_over = "xml"', 'signed_over = "json"', "envelope.signed_over"),
        ("dossier_greatest = 99999", 'dossier_greatest = "many"', "codes.dossier_greatest"),
        ("version = 1", "", "version"),
        ('from = "document:v_dm_hs_ksc_id"', 'from = "document:v_dm_hs"', "xml DM_HS_KSC_ID"),
        ('header = "header_07"', 'header = "header_08"', "forms.07.header"),
        ("prefix = '[A-Z]{1,3}'", "prefix = '['", "codes.prefix"),
        ('then_empty = "C2"', 'then_empty = "C9"', "conditions.C1"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(old: str, new: str, entry: str) -> None:
    """A misspelt key, an impossible value, a dangling name: each is refused and the entry is named."""
    assert old in TEXT
    with pytest.raises(ConfigWrong) as caught:
        parse_profile(TEXT.replace(old, new, 1), "ours.toml")
    assert caught.value.code == "kbnn.profile_wrong"
    assert caught.value.parameters["entry"] == entry


def test_a_corrected_copy_is_used(tmp_path: Path) -> None:
    """An agency's correction is an edit of a copy of the file, not of code."""
    path = tmp_path / "ours.toml"
    path.write_text(TEXT.replace('root = "SignatureInfo"', 'root = "ChuKySo"'), encoding="utf-8")
    assert load_profile(path).envelope.root == "ChuKySo"


@pytest.mark.parametrize(
    ("content", "code"), [(b"\xff\xfe", "kbnn.profile_unreadable"), (b"[a", "kbnn.profile_syntax")]
)
def test_an_unreadable_profile_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    """Bytes that are no UTF-8, and text that is no TOML, give an error of their own."""
    path = tmp_path / "ours.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigWrong) as caught:
        load_profile(path)
    assert caught.value.code == code


def test_every_label_is_composed_unicode() -> None:
    """Labels are NFC and none is empty."""
    import unicodedata

    for table in default_profile().tables.values():
        for field in table.fields:
            assert field.label
            assert unicodedata.is_normalized("NFC", field.label)
