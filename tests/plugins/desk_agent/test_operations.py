"""What a page gets for each operation of the contract, with a person at the window."""

from __future__ import annotations

import base64
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kyso.demo.attachments import draw_attachment
from kyso.engine import Engine
from tests.plugins.desk_agent.actors import Page, Person
from tests.plugins.desk_agent.conftest import DocumentSystem

pytestmark = pytest.mark.xdist_group("desk_agent")


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def approve(person: Person, secret: str, **values: str) -> dict[str, Any]:
    """Approve a letter as it stands, and return what was shown."""
    window = person.window()
    shown = window.until("sign")
    window.decide("approve", secret, **values)
    window.until("done")
    return shown


def test_a_letter_is_signed_and_delivered(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str, letter_pdf: bytes
) -> None:
    """SignApproved fetches the letter, shows place and page, signs it, delivers it, and answers as pages expect."""
    answer = permitted.ask("SignApproved", documents.request(DocNumber="07/UBND-VP", IssuedDate="20/11/2026"))
    shown = approve(person, pfx_password)
    letter = shown["letters"][0]
    assert (letter["name"], len(letter["pages"]), letter["place"]["page"]) == ("công văn 07.pdf", 2, 2)
    assert shown["keys"][0]["name"] == shown["key"] == "leader"
    assert answer.result(30) == {
        "Status": 0,
        "Message": "Đã nhận.",
        "FileName": "công văn 07.pdf",
        "FileServer": "/letters/0",
        "DocumentNumber": "07/UBND-VP",
        "DocumentDate": "20/11/2026",
    }
    signed = documents.system.letters[0]
    assert signed.data.startswith(letter_pdf)
    assert signed.history == ["Nguyễn Văn Mẫu (THỬ NGHIỆM): valid"]


def test_the_organisation_seals_after_the_leader(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str, agent_office: Path
) -> None:
    """SignIssued puts the seal over the leader's signature; number and date are held against the letter's."""
    first = permitted.ask("SignApproved", documents.request())
    approve(person, pfx_password)
    assert first.result(30)["Status"] == 0
    issued = {"DocNumber": "07/UBND-VP", "IssuedDate": "2026-11-20T00:00:00+07:00"}
    second = permitted.ask("SignIssued", documents.request(**issued))
    window = person.window()
    shown = window.until("sign")
    assert shown["key"] == "seal"
    filled = {entry["name"]: entry["value"] for entry in shown["settings"]}
    assert (filled["number"], filled["date"]) == ("07/UBND-VP", "20/11/2026")
    # The letter was dated on another day: the decree's policy wants that confirmed by the person, not by the page.
    assert shown["letters"][0]["problem"]["code"] == "decree30.date_unconfirmed"
    window.decide("change", set__confirm_date="yes")
    assert window.until("sign")["letters"][0]["problem"] is None
    window.decide("approve", pfx_password)
    window.until("done")
    assert second.result(30)["Status"] == 0
    with Engine.from_config(agent_office / "kyso.toml") as engine:
        report = engine.verify(documents.system.letters[0].data)
    assert (report.verdict, len(report.signatures)) == ("valid", 2)


def test_what_the_letter_says_wins_over_the_page(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """A number that differs from the letter's is shown as the reason, can be mended in the window, and then signed."""
    first = permitted.ask("SignApproved", documents.request())
    approve(person, pfx_password)
    assert first.result(30)["Status"] == 0
    answer = permitted.ask("SignIssued", documents.request(DocNumber="99/UBND-VP"))
    window = person.window()
    shown = window.until("sign")
    assert shown["letters"][0]["problem"]["code"] == "decree30.number_differs"
    window.decide("approve", pfx_password)
    assert window.until("sign")["error"]["code"] == "agent.nothing_to_sign"
    window.decide("change", set__number="07/UBND-VP", set__confirm_date="yes")
    assert window.until("sign")["letters"][0]["problem"] is None
    window.decide("approve", pfx_password)
    window.until("done")
    assert answer.result(30)["Status"] == 0


def test_approval_is_for_what_was_shown(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """A change that comes with the approval is shown before anything is signed."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("approve", pfx_password, key="seal")
    assert window.until("sign")["key"] == "seal"
    window.decide("cancel")
    window.until("cancelled")
    assert answer.result(30)["Status"] == 11
    assert documents.system.letters[0].history == []


@pytest.mark.parametrize(
    ("operation", "more", "filled", "drawn"),
    [
        ("SignAppendix", {"DocNumber": "12/QĐ-UBND"}, {}, "decree30.attachment"),
        ("SignCopy", {}, {"set__copy_form": "SAO LỤC"}, "decree30.copy"),
        ("Comment", {}, {"set__initials": "NVM"}, "decree30.initial"),
    ],
)
def test_every_step_has_its_policy(
    permitted: Page,
    documents: DocumentSystem,
    person: Person,
    pfx_password: str,
    operation: str,
    more: dict[str, str],
    filled: dict[str, str],
    drawn: str,
) -> None:
    """Attachments, copies and initials are placed by the decree's own policies."""
    answer = permitted.ask(operation, documents.request(**more))
    window = person.window()
    shown = window.until("sign")
    if filled:
        window.decide("change", **filled)
        shown = window.until("sign")
    window.decide("approve", pfx_password)
    window.until("done")
    assert shown["letters"][0]["place"]["policy"] == drawn
    assert answer.result(30)["Status"] == 0


def test_what_the_page_leaves_out_is_asked(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """The stamp of receipt needs a number that pages do not send: the window asks for it."""
    documents.system.letters[0].data = draw_attachment(date(2026, 11, 20))
    answer = permitted.ask("SignIncome", documents.request())
    window = person.window()
    shown = window.until("sign")
    assert shown["letters"][0]["problem"] is not None
    assert {entry["name"]: entry["required"] for entry in shown["settings"]}["number"] is True
    window.decide("change", set__number="345")
    shown = window.until("sign")
    assert shown["letters"][0]["problem"] is None, shown["letters"][0]["problem"]
    assert shown["letters"][0]["place"]["policy"] == "decree30.incoming"
    window.decide("approve", pfx_password)
    window.until("done")
    assert answer.result(30)["Status"] == 0


def test_the_person_may_place_it_by_hand(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str, agent_office: Path
) -> None:
    """A frame drawn in the window is where the signature goes; one that is not on the page is refused."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    for wrong in ("0,1,200,10,40,20", "0,3,10,10,40,20", "9,1,10,10,40,20", "0,1,1,1,1,1", "x", "0,1,nan,1,40,20"):
        window.decide("change", place=wrong)
        assert window.until("sign")["error"]["code"] == "agent.place_wrong"
    window.decide("change", place="0,1,120,30,40,20")
    letter = window.until("sign")["letters"][0]
    assert (letter["by_hand"], letter["place"]["page"]) == (True, 1)
    window.decide("change", place="0,1")
    assert window.until("sign")["letters"][0]["place"]["page"] == 2
    window.decide("change", place="0,1,120,30,40,20")
    window.until("sign")
    window.decide("approve", pfx_password)
    window.until("done")
    assert answer.result(30)["Status"] == 0
    with Engine.from_config(agent_office / "kyso.toml") as engine:
        (signature,) = engine.verify(documents.system.letters[0].data).signatures
    assert signature.page == 1
    assert signature.rect_mm is not None
    assert signature.rect_mm.left >= 119.9
    assert signature.rect_mm.right <= 160.1


def test_a_wrong_pin_can_be_typed_again(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """A wrong password is told in the window and spends nothing; an empty one is asked for."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("approve", "wrong")
    assert window.until("sign")["error"]["code"] == "pfx.wrong_password"
    window.decide("approve")
    assert window.until("secret")["question"]["code"] == "pfx.ask_password"
    window.decide("give", pfx_password)
    window.until("done")
    assert answer.result(30)["Status"] == 0


def test_saying_no_is_told_as_cancelled(permitted: Page, documents: DocumentSystem, person: Person) -> None:
    """The person's no reaches the page as status 11, at the letter and at the question of the key."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("approve")
    window.until("secret")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    assert documents.system.letters[0].history == []


def test_without_a_file_the_person_chooses_one(
    permitted: Page, person: Person, pfx_password: str, letter_pdf: bytes
) -> None:
    """An empty FileName asks for a file; an empty FileUploadHandler lets the person save the signed letter."""
    answer = permitted.ask("SignApproved", {"FileName": "", "FileUploadHandler": "", "SessionId": ""})
    window = person.window()
    window.until("choose")
    assert window.call("file?name=..%2F..%2Fmy.pdf", letter_pdf)[0] == 204
    window.decide("chosen")
    assert window.until("sign")["letters"][0]["name"] == "my.pdf"
    window.decide("approve", pfx_password)
    done = window.until("done")
    assert done["letters"][0]["signed_name"] == "my.signed.pdf"
    status, body = window.call("signed/0")
    assert status == 200
    assert body.startswith(letter_pdf)
    assert answer.result(30)["FileName"] == "my.signed.pdf"


def test_pictures_of_the_page_and_the_stamp(permitted: Page, documents: DocumentSystem, person: Person) -> None:
    """The window gets each page and the stamp as pictures of the size it asks for."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    for path in ("page/0/1?width=300", "page/0/2?width=300", "stamp/0"):
        status, body = window.call(path)
        assert status == 200
        width, height = Image.open(io.BytesIO(body)).size
        assert width > 20
        assert path == "stamp/0" or (abs(width - 300) < 3 and height > width)
    assert window.call("page/0/99")[0] >= 400
    assert window.call("page/7/1")[0] == 404
    window.decide("cancel")
    answer.result(30)


def test_several_letters_with_one_pin(
    permitted: Page, documents: DocumentSystem, example: Any, person: Person, pfx_password: str, letter_pdf: bytes
) -> None:
    """SignFiles signs what can be signed with one password, and answers for each file by its number."""
    letters = documents.system.letters
    letters.append(example.Letter("second.pdf", letter_pdf))
    letters.append(example.Letter("notes.txt", "Ghi chú".encode()))
    entries = [documents.entry(number) for number in range(3)]
    # One handler takes them all here; the example's tokens are for one letter each.
    taken: list[str] = []
    documents.system.opens = lambda token, purpose, number: True
    documents.system.spend = lambda token: taken.append(token) is None
    request = {
        "FileUploadHandler": entries[0]["upload"],
        "Files": [
            {"FileID": number, "FileName": entry["name"], "URL": entry["file"]} for number, entry in enumerate(entries)
        ],
    }
    answer = permitted.ask("SignFiles", request)
    window = person.window()
    shown = window.until("sign")
    assert [letter["is_pdf"] for letter in shown["letters"]] == [True, True, False]
    window.decide("approve", pfx_password)
    window.until("undelivered")
    assert window.call("signed/2")[1][:1] == b"\x30"
    window.decide("cancel")
    told = answer.result(30)
    assert told["Status"] == 0
    # The example takes letters of its own only: the second of the same bytes fits, the signature file does not.
    assert [entry["FileID"] for entry in told["Files"]] == [0, 1, 2]
    assert [entry["Status"] for entry in told["Files"]] == [0, 500, 500]
    assert told["Files"][1]["Message"].startswith("The document system")
    assert len(taken) == 3


def test_what_could_not_be_delivered_is_kept(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """A handler that refuses costs no signature: the person delivers again, and the page hears of it."""
    opens = documents.system.opens
    documents.system.opens = lambda token, purpose, number: purpose == "fetch" and opens(token, purpose, number)
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("approve", pfx_password)
    shown = window.until("undelivered")
    assert shown["error"]["code"] == "agent.upload_status"
    documents.system.opens = opens
    window.decide("retry")
    window.until("done")
    assert answer.result(30)["Status"] == 0


def test_an_answer_without_a_boolean_is_0x28(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that answers Status with a number is told as error 0x28, as pages know it."""
    from starlette.responses import JSONResponse

    monkeypatch.setattr("document_system_example.JSONResponse", lambda table: JSONResponse({**table, "Status": 1}))
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("approve", pfx_password)
    window.until("undelivered")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 0x28


def test_verifying_shows_the_person_the_verdict(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """VerifyPDF gives the page the report and shows the verdict in a window; an unsigned letter is no success."""
    letter = documents.entry()
    assert permitted.answer("VerifyPDF", {"FileName": letter["file"], "SessionId": ""})["Verdict"] == "unsigned"
    assert person.window().until("verdict")["report"]["verdict"] == "unsigned"
    signing = permitted.ask("SignApproved", documents.request())
    approve(person, pfx_password)
    signing.result(30)
    answer = permitted.answer("VerifyPDF", {"FileName": documents.entry()["file"]})
    assert (answer["Status"], answer["Verdict"], answer["Report"]["schema"]) == (0, "valid", "kyso.report/1")
    assert answer["Report"]["file"]["path"] is None
    assert person.window().until("verdict")["report"]["signatures"][0]["verdict"] == "valid"


def test_the_version_needs_nobody(page: Page, person: Person) -> None:
    """GetVersion answers every page at once and opens no window."""
    answer = page.answer("GetVersion", "version")
    assert (answer["Status"], answer["Version"].count(".")) == (0, 2)
    assert person.has_none


def test_the_certificate_needs_consent(permitted: Page, person: Person, pfx_password: str) -> None:
    """GetCertInfo shows who asks, and answers again without a question once it was permitted."""
    refused = permitted.ask("GetCertInfo", "get_cert_info")
    window = person.window()
    window.until("certificate")
    window.decide("cancel")
    assert refused.result(30) == {"Status": 11, "Message": "The person cancelled the request."}
    answer = permitted.ask("GetCertInfo", "get_cert_info")
    window = person.window()
    assert window.until("certificate")["origin"] == permitted.origin
    window.decide("allow", pfx_password)
    window.until("told")
    told = answer.result(30)["CertInfo"]
    assert told["Subject"].startswith("CN=Nguyễn Văn Mẫu (THỬ NGHIỆM), ")
    assert base64.b64decode(told["Base64Data"])[:1] == b"\x30"
    assert permitted.answer("GetCertInfo", "get_cert_info")["CertInfo"] == told
    assert person.has_none


def sign_content(page: Page, person: Person, secret: str, operation: str, message: Any) -> dict[str, Any]:
    answer = page.ask(operation, message)
    window = person.window()
    shown = window.until("content")
    window.decide("approve", secret)
    window.until("done")
    return {**answer.result(30), "shown": shown["content"]}


def test_a_message_is_signed_beside_its_content(permitted: Page, person: Person, pfx_password: str) -> None:
    """SignMsg returns a CMS that VerifyMsg accepts for this content and no other."""
    content = "Đồng ý ban hành".encode()
    signed = sign_content(permitted, person, pfx_password, "SignMsg", in_base64(content))
    assert signed["shown"]["text"] == "Đồng ý ban hành"
    both = {"Base64Content": in_base64(content), "Signature": signed["Signature"]}
    assert permitted.answer("VerifyMsg", both)["Status"] == 0
    other = {**both, "Base64Content": in_base64(b"other")}
    assert permitted.answer("VerifyMsg", other)["Verdict"] == "invalid"
    assert permitted.answer("VerifyMsg", {**both, "Signature": in_base64(b"no CMS")})["Verdict"] == "unreadable"


def test_a_challenge_is_signed_as_text(permitted: Page, person: Person, pfx_password: str) -> None:
    """Auth signs the text that the page sends, as it stands."""
    signed = sign_content(permitted, person, pfx_password, "Auth", "2bd1f6a0")
    both = {"Base64Content": in_base64(b"2bd1f6a0"), "Signature": signed["Signature"]}
    assert permitted.answer("VerifyMsg", both)["Status"] == 0


@pytest.mark.parametrize("xades", [False, True])
def test_xml_is_signed_and_found_whole(permitted: Page, person: Person, pfx_password: str, xades: bool) -> None:
    """SignXML returns a signature that fits wherever a system puts it, and VerifyXML tells what it covers."""
    xml = '<HO_SO Id="data"><CBQL>Nội dung</CBQL></HO_SO>'
    request = {
        "Base64Content": in_base64(xml.encode()),
        "ReturnSignatureOnly": "false",
        "HashAlg": "Sha256",
        "XmlDsigForm": "false" if xades else "true",
    }
    signed = sign_content(permitted, person, pfx_password, "SignXML", request)
    assert ("SignedProperties" in signed["Signature"]) is xades
    whole = base64.b64decode(signed["Base64Content"])
    inside = xml.replace("<CBQL>", "<CBQL>" + signed["Signature"]).encode()
    for document in (whole, inside):
        answer = permitted.answer("VerifyXML", {"Base64Content": in_base64(document)})
        assert (answer["Status"], answer["Verdict"], answer["Covers"]) == (0, "valid", "whole")
    changed = whole.replace("Nội dung".encode(), b"Khac")
    assert permitted.answer("VerifyXML", in_base64(changed))["Verdict"] == "invalid"
    assert permitted.answer("VerifyXML", xml)["Verdict"] == "unsigned"


def test_names_that_are_not_offered_are_told_so(permitted: Page) -> None:
    """An operation that kyso does not offer answers with its own status instead of hanging."""
    answer = permitted.answer("SignOffice", "{}")
    assert answer["Status"] == 501
    assert "SignOffice" in answer["Message"]


def test_a_page_may_go_away(permitted: Page, documents: DocumentSystem, person: Person) -> None:
    """When the page is closed while its question is open, the window says so and the next request is taken."""
    with permitted.connection("SignApproved") as socket:
        socket.send(json.dumps(documents.request()))
        window = person.window()
        window.until("sign")
    window.until("cancelled")
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
