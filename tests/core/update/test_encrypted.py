"""Encrypted letters are signed with their own encryption kept."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from kyso.document.opening import open_letter
from kyso.errors import InputRefused, SigningRefused
from kyso.geometry import RectMm
from kyso.secret import Secret
from tests.core.update import shapes
from tests.core.update.signed import SIGNED_AT, root_der, sign
from tests.support import judges

SCHEMES: dict[str, dict[str, Any]] = {
    "RC4 40": {"R": 2, "aes": False, "metadata": False},
    "RC4 128": {"R": 3, "aes": False, "metadata": False},
    "AES 128": {"R": 4},
    "AES 256": {"R": 6},
}


def encrypted(scheme: str, user: str, *, streams: bool = False, **allow: Any) -> bytes:
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    return shapes.built(
        shapes.empty_field("Ký"),
        encryption=pikepdf.Encryption(user=user, owner="owner", **SCHEMES[scheme], **allow),
        object_stream_mode=mode,
    )


@pytest.mark.parametrize("streams", [False, True], ids=["table", "stream"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_signatures_with_the_user_password_are_valid(scheme: str, streams: bool, tmp_path: Path) -> None:
    """A new and a filled field verify in pyHanko and pdfsig, and qpdf finds no fault."""
    original = encrypted(scheme, "user", streams=streams)
    once = sign(original, "user")
    twice = sign(once, "user", field="Ký")
    assert once.startswith(original)
    assert twice.startswith(once)
    judged = judges.pyhanko_validate(twice, [root_der()], password="user")
    assert [(one.bottom_line, one.coverage) for one in judged] == [(True, "ENTIRE_REVISION"), (True, "ENTIRE_FILE")]
    path = tmp_path / "signed.pdf"
    path.write_bytes(twice)
    seen = subprocess.run(
        [judges.need_tool("pdfsig"), "-nocert", "-upw", "user", path], capture_output=True, text=True, check=False
    )
    assert seen.stdout.count("Signature is Valid") == 2
    checked = subprocess.run([judges.need_tool("qpdf"), "--check", "--password=user", path], check=False)
    assert checked.returncode == 0
    judges.render_pdfium(twice, 1, 30, "user")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_texts_are_encrypted_and_contents_are_not(scheme: str) -> None:
    """Reason and name read back after decryption and are nowhere in the clear; /Contents is the bare CMS."""
    signed = sign(encrypted(scheme, "user"), "user", reason="Readable reason", rect_mm=None)
    assert b"Readable reason" not in signed
    with open_letter(signed, password=Secret("user")) as letter:
        (new,) = (field for field in letter.form.signature_fields if field.value is not None)
        assert new.value is not None
        assert str(new.value.Reason) == "Readable reason"
        assert str(new.value.Name) == "Nguyễn Văn Mẫu"
        assert str(new.value.M) == f"D:{SIGNED_AT:%Y%m%d%H%M%S}+07'00'"
        assert new.policy == "decree30.leader"
    assert b"/Contents <3082" in signed


def test_an_empty_user_password_needs_no_password(tmp_path: Path) -> None:
    """A letter that anyone may open is signed without asking for anything."""
    original = encrypted("AES 256", "")
    signed = sign(original, rect_mm=RectMm(20, 20, 30, 15))
    judged = judges.pyhanko_validate(signed, [root_der()], password="")
    assert [one.bottom_line for one in judged] == [True]
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    assert judges.qpdf_check(path)[0] == 0


def test_passwords_outside_ascii_open_the_letter() -> None:
    """An AES-256 password in Vietnamese works (SASLprep, ISO 32000-2, 7.6.4.3.2)."""
    original = encrypted("AES 256", "mật khẩu")
    judged = judges.pyhanko_validate(sign(original, "mật khẩu"), [root_der()], password="mật khẩu")
    assert [one.bottom_line for one in judged] == [True]


@pytest.mark.parametrize(("password", "code"), [(None, "document.encrypted"), ("no", "document.wrong_password")])
def test_without_the_password_the_letter_is_refused(password: str | None, code: str) -> None:
    """No password and a wrong password are told apart, and neither shows the password."""
    with pytest.raises(InputRefused) as refused:
        sign(encrypted("AES 256", "user"), password)
    assert refused.value.code == code
    assert "user" not in str(refused.value)


def test_an_encryption_that_cannot_be_continued_is_refused() -> None:
    """Revision 5, which qpdf opens and pyHanko does not, is refused with its reason."""
    with pytest.warns(UserWarning, match="R=5"):
        original = shapes.built(encryption=pikepdf.Encryption(user="user", owner="owner", R=5))
    with pytest.raises(InputRefused) as refused:
        sign(original, "user")
    assert refused.value.code == "document.encryption_unsupported"


def test_a_repair_does_not_take_the_encryption_away() -> None:
    """An encrypted letter is not repaired, because the repaired one would lie open."""
    from kyso.document.fitness import repair

    with pytest.raises((InputRefused, SigningRefused)) as refused:
        repair(encrypted("AES 128", "user"), password=Secret("user"))
    assert refused.value.code == "document.repair_encrypted"
