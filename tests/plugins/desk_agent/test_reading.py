"""Reading what pages say: dates, names, addresses, and how files travel."""

from __future__ import annotations

import email
import json
from datetime import date
from email.policy import HTTP
from pathlib import Path

import pytest

from kyso.plugin import InputRefused
from kyso_desk.agent.contract import PageAnswer, read_date, read_request
from kyso_desk.agent.origins import FILE_NAME, MOST_PLACES, OriginStore, is_this_machine, page_origin, place_of
from kyso_desk.agent.profile import agent_profile
from kyso_desk.agent.transfer import multipart, signed_name

PROFILE = agent_profile()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("", None),
        ("20/11/2026", date(2026, 11, 20)),
        ("2026-11-20", date(2026, 11, 20)),
        ("2026-11-19T17:30:00.000Z", date(2026, 11, 20)),
        ("2026-11-20T00:00:00", date(2026, 11, 20)),
    ],
)
def test_dates_are_vietnams(text: str, day: date | None) -> None:
    """IssuedDate is read in the forms that pages send; a moment counts as its day in Vietnam."""
    assert read_date(text, PROFILE) == day


def test_a_request_is_read_whole() -> None:
    """Every entry of the contract arrives where it belongs, and secrets have no repr."""
    message = {
        "FileUploadHandler": " https://dms.example/up?a=1 ",
        "SessionId": "s3ssion",
        "JWTToken": "a.b.c",
        "FileName": "https://dms.example/a.pdf",
        "DocNumber": " 12/QĐ-\u202eABC ",
        "IssuedDate": "20/11/2026",
        "MetaData": [{"Key": "k", "Value": "v"}],
    }
    request = read_request(PROFILE.operations["SignIssued"], json.dumps(message), PROFILE)
    assert request.files[0].url == "https://dms.example/a.pdf"
    assert request.upload_url == "https://dms.example/up?a=1"
    assert (request.number, request.issued) == ("12/QĐ-ABC", date(2026, 11, 20))
    assert request.metadata == (("k", "v"),)
    assert "s3ssion" not in repr(request)
    assert request.session is not None
    assert request.session.reveal() == "s3ssion"


def test_an_answer_is_one_object() -> None:
    """An answer carries the number of its outcome and a message, whatever else it tells."""
    answer = json.loads(PageAnswer("cancelled", "không", {"FileName": "a"}).as_json(PROFILE))
    assert answer == {"Status": 11, "Message": "không", "FileName": "a"}


def test_every_operation_has_words() -> None:
    """What the window titles itself with is in the catalogues, and every policy is one that kyso has."""
    from kyso.plugins import create_plugin_manager
    from kyso.text import has_text

    policies = create_plugin_manager().contributions("placement_policies")
    for name, operation in PROFILE.operations.items():
        assert has_text(f"agent.operation.{name}")
        assert operation.policy is None or operation.policy in policies
        if operation.policy is not None:
            declared = {setting.name for setting in policies[operation.policy].contribution.settings}
            assert set(operation.asked) <= declared


def test_signed_names() -> None:
    """A signed letter is named after the unsigned one, once."""
    assert signed_name("a.pdf", ".signed") == "a.signed.pdf"
    assert signed_name("a.signed.pdf", ".signed") == "a.signed.pdf"
    assert signed_name("a", ".signed") == "a.signed.pdf"


def test_forms_are_read_by_others() -> None:
    """A form with Vietnamese names and quotes is what another implementation reads."""
    kind, body = multipart("uploadfile", 'công "văn".pdf', b"%PDF\r\n--x\r\n", [('k"ey', "giá trị")])
    parsed = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    field, file = parsed.iter_parts()  # type: ignore[attr-defined]
    assert field.get_payload(decode=True) == "giá trị".encode()
    assert file.get_payload(decode=True) == b"%PDF\r\n--x\r\n"
    assert b'filename="c\xc3\xb4ng %22v\xc4\x83n%22.pdf"' in body


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://DMS.example:443/a?b", "https://dms.example"),
        ("http://localhost:8080/x", "http://localhost:8080"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_places_are_normal(url: str, place: str) -> None:
    """However an address is written, its place is written as browsers state origins."""
    assert place_of(url) == place
    assert page_origin(place) == place


@pytest.mark.parametrize(
    "url", ["https://dms.example@other.example/", "https://văn.example/", "https://a b/", "//x", ""]
)
def test_addresses_that_read_differently_are_refused(url: str) -> None:
    """An address that a person and a resolver could read differently is none."""
    with pytest.raises(InputRefused):
        place_of(url)


def test_only_its_own_name_is_this_machine() -> None:
    """A name that merely could resolve to this machine is not it."""
    assert is_this_machine("http://localhost:1")
    assert is_this_machine("http://127.8.8.8")
    assert not is_this_machine("http://127.0.0.1.example")
    assert not is_this_machine("https://10.0.0.1")


def test_permissions_grow_and_end(tmp_path: Path) -> None:
    """A permission keeps what it had, has a bound, and is gone when it is taken back."""
    store = OriginStore(tmp_path / "agent")
    store.permit("https://dms.example", places=("https://files.example", "https://dms.example"))
    permission = store.permit("https://dms.example", private=("https://files.example",), certificate=True)
    assert permission.all_places == {"https://dms.example", "https://files.example"}
    assert OriginStore(tmp_path / "agent").all() == (permission,)
    with pytest.raises(InputRefused):
        store.permit("https://dms.example", places=tuple(f"https://{n}.example" for n in range(MOST_PLACES)))
    assert store.forget("https://dms.example")
    assert not store.forget("https://dms.example")
    assert store.find("https://dms.example") is None
    for damaged in (b"[]", b'{"schema": "other"}', b'{"schema": "kyso.agent-origins/1", "origins": [{}]}', b"\xff" * 9):
        (tmp_path / "agent" / FILE_NAME).write_bytes(damaged)
        with pytest.raises(InputRefused):
            store.all()
