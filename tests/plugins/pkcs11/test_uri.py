"""PKCS#11 URIs are read as RFC 7512 says, and never carry a PIN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyso.plugin import WrongUse
from kyso_pkcs11.uri import format_uri, parse_uri

_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)


def test_a_full_uri_is_read() -> None:
    """Path and query attributes, percent-encoding and the binary id are decoded."""
    uri = parse_uri(
        "pkcs11:token=V%C4%82N%20TH%C6%AF;object=Con%20d%E1%BA%A5u;id=%01%FF;slot-id=3;type=cert"
        "?module-path=/usr/lib/x.so&module-name=x"
    )
    assert uri.attributes == {"token": "VĂN THƯ", "object": "Con dấu", "slot-id": "3", "type": "cert"}
    assert (uri.id, uri.module_path, uri.module_name) == (b"\x01\xff", "/usr/lib/x.so", "x")


@given(token=_TEXT, label=_TEXT, identifier=st.binary(min_size=1, max_size=20), path=_TEXT)
def test_what_is_written_is_read_back(token: str, label: str, identifier: bytes, path: str) -> None:
    """A URI made for `kyso keys list` names the same values when it is pasted back."""
    uri = parse_uri(format_uri({"token": token, "object": label}, identifier, path))
    assert uri.attributes == {"token": token, "object": label}
    assert (uri.id, uri.module_path) == (identifier, path)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("pkcs12:token=a", "pkcs11.uri_bad"),
        ("pkcs11:token", "pkcs11.uri_bad"),
        ("pkcs11:token=%zz", "pkcs11.uri_bad"),
        ("pkcs11:token=%ff", "pkcs11.uri_bad"),
        ("pkcs11:token=a%00b", "pkcs11.uri_bad"),
        ("pkcs11:slot-id=x", "pkcs11.uri_bad"),
        ("pkcs11:type=data", "pkcs11.uri_bad"),
        ("pkcs11:thumbprint=abc", "pkcs11.uri_bad"),
        ("pkcs11:certificate-serial=xyz", "pkcs11.uri_bad"),
        ("pkcs11:token=" + "a" * 5000, "pkcs11.uri_bad"),
        ("pkcs11:token=a;token=b", "pkcs11.uri_twice"),
        ("pkcs11:id=%01;id=%02", "pkcs11.uri_twice"),
        ("pkcs11:?module-path=a&module-path=b", "pkcs11.uri_twice"),
        ("pkcs11:tokn=a", "pkcs11.uri_unknown"),
    ],
)
def test_a_wrong_uri_is_refused(uri: str, code: str) -> None:
    """What cannot be read, is said twice or is unknown is refused instead of widening the match."""
    with pytest.raises(WrongUse) as refusal:
        parse_uri(uri)
    assert refusal.value.code == code


@pytest.mark.parametrize("query", ["pin-value=123456", "pin-source=file:/etc/pin"])
def test_a_pin_in_a_uri_is_refused_and_not_repeated(query: str) -> None:
    """A PIN in a URI is refused, and the error does not show it."""
    with pytest.raises(WrongUse) as refusal:
        parse_uri(f"pkcs11:token=a?{query}")
    assert refusal.value.code == "pkcs11.uri_pin"
    for language in ("vi", "en"):
        assert "123456" not in refusal.value.message(language)
