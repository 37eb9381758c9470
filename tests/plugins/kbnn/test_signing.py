"""Signing in the dossier's folder: house rules, a phone that answers later, crashes, and the check of the whole."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kyso import text
from kyso.demo.pki import HOLDER, DemoPki, issue
from kyso.models import DigestToSign, Pending, SchemeName, Signed
from kyso.plugin import InputRefused, KeyTrouble, SigningRefused
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.body import gateway_objects, own_json, signed_dossier, to_json_bytes
from kyso_kbnn.check import DossierReport, check_input, input_of_body, input_of_folder
from kyso_kbnn.dossier import completed
from kyso_kbnn.envelope import Envelope, Role, read_envelope
from kyso_kbnn.folder import DossierFolder
from kyso_kbnn.profile import HouseRules, default_profile
from kyso_kbnn.reading import parse_json, read_dossier
from kyso_kbnn.signing import EnvelopePending, SignerKey, key_form, sign_folder
from tests.plugins.kbnn.dossiers import FORMS, dossier
from tests.plugins.kbnn.keys import PhoneKey, judge_of, key_of

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)
RULES = HouseRules()

text.add_catalogue("kyso_kbnn")


def drafted(path: Path, form: str = "16a1") -> DossierFolder:
    made = dossier(form)
    return DossierFolder.create(path, made, write_authentication_data(made, PROFILE), PROFILE, NOW)


def signer(pki: DemoPki, who: Role, form: str = "file") -> SignerKey:
    return SignerKey(key_of(pki.identities[who]), form, f"test_{who}")  # type: ignore[arg-type]  # one of the forms


def sign(folder: DossierFolder, role: Role, key: SignerKey, rules: HouseRules = RULES) -> Envelope | EnvelopePending:
    return sign_folder(folder, role, key, PROFILE, rules, NOW)


def signed(path: Path, pki: DemoPki, form: str = "16a1") -> DossierFolder:
    folder = drafted(path, form)
    sign(folder, "accountant", signer(pki, "accountant"))
    sign_folder(folder, "holder", signer(pki, "holder"), PROFILE, RULES, NOW + timedelta(minutes=5))
    return folder


def judged(folder: DossierFolder, pki: DemoPki) -> DossierReport:
    later = NOW + timedelta(minutes=6)
    return check_input(input_of_folder(folder), PROFILE, lambda: judge_of(pki, later), later)


@pytest.mark.parametrize("form", FORMS)
def test_both_sign_and_the_dossier_is_valid(pki: DemoPki, tmp_path: Path, form: str) -> None:
    """Drafted, signed by the accountant, signed by the holder: valid, rules met, uncovered fields named."""
    folder = signed(tmp_path, pki, form)
    assert folder.state().state == "holder_signed"
    report = judged(folder, pki)
    assert report.verdict == "valid"
    assert [one.status for one in report.house_rules] == ["met", "met", "met", "not_applicable"]
    assert report.exit_code == 0
    names = {one.path.rpartition(".")[2] for one in report.uncovered}
    assert ("v_dv_nhantien_ten" in names) == form.startswith("16")
    assert json.loads(json.dumps(report.as_json()))["schema"] == "kyso.kbnn.check/1"


def test_the_states_follow_the_signatures(pki: DemoPki, tmp_path: Path) -> None:
    """Unsigned is 3, half signed undetermined, both valid."""
    folder = drafted(tmp_path)
    assert (judged(folder, pki).verdict, judged(folder, pki).exit_code) == ("unsigned", 3)
    sign(folder, "accountant", signer(pki, "accountant"))
    assert folder.state().state == "accountant_signed"
    assert judged(folder, pki).verdict == "undetermined"


def test_the_holder_does_not_sign_first(pki: DemoPki, tmp_path: Path) -> None:
    """House rule accountant_first, on by default and switchable."""
    folder = drafted(tmp_path)
    with pytest.raises(SigningRefused) as caught:
        sign(folder, "holder", signer(pki, "holder"))
    assert caught.value.code == "kbnn.accountant_first"
    off = dataclasses.replace(RULES, accountant_first=False)
    assert isinstance(sign(folder, "holder", signer(pki, "holder"), off), Envelope)


def test_one_person_does_not_sign_twice(pki: DemoPki, tmp_path: Path) -> None:
    """House rule different_people: the same certificate, the same number in another certificate, the same login."""
    folder = drafted(tmp_path)
    sign(folder, "accountant", signer(pki, "accountant"))
    accountant = pki.identities["accountant"]
    renewed = issue(pki.issuing, dataclasses.replace(HOLDER, user_id="CCCD:000000000002"))
    same_login = SignerKey(key_of(pki.identities["holder"]), "file", "test_accountant")
    for key in (SignerKey(key_of(accountant), "file"), SignerKey(key_of(renewed), "file"), same_login):
        with pytest.raises(SigningRefused) as caught:
            sign(folder, "holder", key)
        assert caught.value.code == "kbnn.same_person"
    off = dataclasses.replace(RULES, different_people=False)
    assert isinstance(sign(folder, "holder", SignerKey(key_of(accountant), "file"), off), Envelope)
    rule = next(one for one in judged(folder, pki).house_rules if one.rule == "different_people")
    assert rule.status == "not_met"
    assert judged(folder, pki).verdict == "valid"


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [("token", "remote", True), ("remote", "token", True), ("token", "token", False), ("file", "remote", False)],
)
def test_token_and_remote_do_not_mix(pki: DemoPki, tmp_path: Path, first: str, second: str, refused: bool) -> None:
    """Letter 7204: a unit uses token or remote signing at one time; a file counts as neither."""
    folder = drafted(tmp_path)
    sign(folder, "accountant", signer(pki, "accountant", first))
    if refused:
        with pytest.raises(SigningRefused) as caught:
            sign(folder, "holder", signer(pki, "holder", second))
        assert caught.value.code == "kbnn.mixed_key_forms"
    else:
        assert isinstance(sign(folder, "holder", signer(pki, "holder", second)), Envelope)


def test_the_form_of_a_key_is_told_by_its_uri() -> None:
    """A PFX is a file, PKCS#11 a token, everything else a remote CA."""
    assert [key_form(uri) for uri in ("pfx:a.p12", "pkcs11:token=x", "mysign:1", "csc:x")] == [
        "file",
        "token",
        "remote",
        "remote",
    ]


def test_a_delegate_may_sign(pki: DemoPki, tmp_path: Path) -> None:
    """Chapter I, IV.2 names delegates of both: nothing asks for a title in the certificate."""
    folder = drafted(tmp_path)
    sign(folder, "accountant", SignerKey(key_of(pki.identities["leader"]), "file"))
    sign(folder, "holder", signer(pki, "holder"))
    assert judged(folder, pki).verdict == "valid"


def test_an_expired_certificate_signs_nothing(pki: DemoPki, tmp_path: Path) -> None:
    """Refused before the key is used; the folder stays a draft."""
    old = issue(pki.issuing, HOLDER, not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))
    folder = drafted(tmp_path)
    with pytest.raises(KeyTrouble) as caught:
        sign(folder, "accountant", SignerKey(key_of(old), "file"))
    assert caught.value.code == "key.certificate_expired"
    assert folder.state().pending == {}


# ------------------------------------------------------------------------------------------------- waiting, crashing


def test_a_phone_may_answer_in_another_process(pki: DemoPki, tmp_path: Path) -> None:
    """The first call leaves a ticket, a later one fetches the answer; one request was sent, for both digests."""
    folder = drafted(tmp_path)
    phone = PhoneKey(pki.identities["accountant"])
    first = sign(folder, "accountant", SignerKey(phone, "remote"))
    assert isinstance(first, EnvelopePending)
    assert isinstance(sign(DossierFolder(tmp_path, PROFILE), "accountant", SignerKey(phone, "remote")), EnvelopePending)
    phone.confirmed = True
    assert isinstance(sign(DossierFolder(tmp_path, PROFILE), "accountant", SignerKey(phone, "remote")), Envelope)
    assert len(phone.requests) == 1
    assert len(phone.requests[0][0]) == 2
    assert folder.state().pending == {}


class DyingKey(PhoneKey):
    """A key whose process dies after the request was sent."""

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        raise ConnectionResetError


@pytest.mark.parametrize("form", ["remote", "token"])
def test_an_unknown_outcome_is_not_repeated_by_itself(pki: DemoPki, tmp_path: Path, form: str) -> None:
    """Intent recorded, no answer: the next call asks a person instead of the key; with `again` it goes on."""
    folder = drafted(tmp_path)
    dying = SignerKey(DyingKey(pki.identities["accountant"]), form)  # type: ignore[arg-type]  # one of the forms
    with pytest.raises(ConnectionResetError):
        sign(folder, "accountant", dying)
    phone = PhoneKey(pki.identities["accountant"])
    phone.confirmed = True
    key = SignerKey(phone, form)  # type: ignore[arg-type]
    with pytest.raises(SigningRefused) as caught:
        sign(folder, "accountant", key)
    assert caught.value.code == "kbnn.outcome_unknown"
    assert phone.requests == []
    assert isinstance(sign_folder(folder, "accountant", key, PROFILE, RULES, NOW, again=True), Envelope)


def test_a_file_key_simply_signs_again_after_a_crash(pki: DemoPki, tmp_path: Path) -> None:
    """A PFX key costs nobody a confirmation, so an interrupted signing is repeated."""
    folder = drafted(tmp_path)
    with pytest.raises(ConnectionResetError):
        sign(folder, "accountant", SignerKey(DyingKey(pki.identities["accountant"]), "file"))
    assert isinstance(sign(folder, "accountant", signer(pki, "accountant")), Envelope)


def test_a_crash_between_envelope_and_state_loses_nothing(pki: DemoPki, tmp_path: Path) -> None:
    """The envelope was written, the state not: it is taken up after it was checked, without a second request."""
    folder = drafted(tmp_path)
    phone = PhoneKey(pki.identities["accountant"])
    phone.confirmed = True
    key = SignerKey(phone, "remote")
    with pytest.raises(ConnectionResetError):
        sign(folder, "accountant", SignerKey(DyingKey(pki.identities["accountant"]), "remote"))
    interrupted = (tmp_path / "state.json").read_bytes()
    sign_folder(folder, "accountant", key, PROFILE, RULES, NOW, again=True)
    (tmp_path / "state.json").write_bytes(interrupted)
    requests = len(phone.requests)
    assert isinstance(sign(folder, "accountant", key), Envelope)
    assert len(phone.requests) == requests
    assert folder.state().state == "accountant_signed"


def test_a_key_that_refuses_leaves_the_draft_as_it_was(pki: DemoPki, tmp_path: Path) -> None:
    """A declined request is an answer: nothing stays pending."""

    class Declining(PhoneKey):
        def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
            raise KeyTrouble("key.closed")

    folder = drafted(tmp_path)
    with pytest.raises(KeyTrouble):
        sign(folder, "accountant", SignerKey(Declining(pki.identities["accountant"]), "remote"))
    assert folder.state().pending == {}
    assert folder.state().state == "drafted"


def test_two_processes_do_not_work_on_one_dossier(tmp_path: Path) -> None:
    """The folder is locked while a step is done."""
    folder = drafted(tmp_path)
    with folder.locked(), pytest.raises(InputRefused) as caught, DossierFolder(tmp_path, PROFILE).locked():
        pass
    assert caught.value.code == "kbnn.folder_busy"


def test_a_second_dossier_does_not_replace_the_first(tmp_path: Path) -> None:
    """A folder holds one dossier."""
    drafted(tmp_path)
    with pytest.raises(InputRefused) as caught:
        drafted(tmp_path)
    assert caught.value.code == "kbnn.folder_exists"


# ------------------------------------------------------------------------------------------------------- tampering


@pytest.mark.parametrize("name", ["authentication.xml", "dossier.json", "accountant.xml", "holder.xml"])
def test_a_changed_file_is_found(pki: DemoPki, tmp_path: Path, name: str) -> None:
    """One changed character in any file of the folder: invalid."""
    folder = signed(tmp_path, pki)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    try:
        verdict = judged(folder, pki).verdict
    except InputRefused as refused:  # dossier.json may no longer be JSON at all
        verdict = "invalid" if refused.code.startswith("kbnn.") else "valid"
    assert verdict == "invalid"


def test_a_changed_draft_is_not_signed(pki: DemoPki, tmp_path: Path) -> None:
    """Between drafting and signing nobody changes the data unnoticed, not even both files and the kept sums alike."""
    folder = drafted(tmp_path)
    path = tmp_path / "authentication.xml"
    path.write_bytes(path.read_bytes().replace(b"54000000", b"94000000"))
    with pytest.raises(InputRefused) as caught:
        sign(folder, "accountant", signer(pki, "accountant"))
    assert caught.value.code == "kbnn.dossier_changed"
    state = folder.put(folder.state(), "authentication.xml", path.read_bytes())
    folder.save(state)
    with pytest.raises(InputRefused) as caught:
        sign(folder, "accountant", signer(pki, "accountant"))
    assert caught.value.code == "kbnn.data_differ"


def body_of(folder: DossierFolder) -> bytes:
    state = folder.state()
    envelopes: dict[Role, Envelope] = {}
    for role in ("accountant", "holder"):
        data = folder.envelope(state, "accountant" if role == "accountant" else "holder")
        assert data is not None
        envelopes["accountant" if role == "accountant" else "holder"] = read_envelope(data, PROFILE)
    names: dict[Role, str] = {"accountant": "a", "holder": "b"}
    filled = signed_dossier(folder.dossier(), folder.read("authentication.xml"), envelopes, names, PROFILE)
    return to_json_bytes(gateway_objects(filled, PROFILE))


def judged_body(data: bytes, pki: DemoPki) -> DossierReport:
    later = NOW + timedelta(minutes=6)
    return check_input(input_of_body(data, "body.json", PROFILE), PROFILE, lambda: judge_of(pki, later), later)


def test_the_body_that_is_sent_is_checked_like_the_folder(pki: DemoPki, tmp_path: Path) -> None:
    """The same verdict from the JSON alone, with the MD5 compared."""
    data = body_of(signed(tmp_path, pki))
    assert judged_body(data, pki).verdict == "valid"
    raw = json.loads(data)
    raw["Document"]["v_du_lieu_toan_van"] = "0" * 32
    assert {one.code for one in judged_body(to_json_bytes(raw), pki).reasons} == {"kbnn.md5_differs"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda raw: raw["16a1_lines"][0].update(v_so_tien=94000000), "kbnn.dossier_differs"),
        (lambda raw: raw["16a1"].update(v_dv_nhantien_sotk_so="000166666666"), "kbnn.dossier_differs"),
        (lambda raw: raw["Document"].update(v_ma_ho_so="T26_1999999_009900002"), "kbnn.dossier_differs"),
    ],
)
def test_fields_that_say_something_else_than_the_signed_data_are_found(
    pki: DemoPki, tmp_path: Path, change: object, code: str
) -> None:
    """The signatures hold, but the fields beside them were changed: invalid."""
    raw = json.loads(body_of(signed(tmp_path, pki)))
    change(raw)  # type: ignore[operator]  # a change of the parsed body
    report = judged_body(to_json_bytes(raw), pki)
    assert report.verdict == "invalid"
    assert code in {one.code for one in report.reasons}
    assert all(one.verdict == "valid" for one in report.signers)


def test_a_changed_payee_is_not_under_the_signature_and_that_is_said(pki: DemoPki, tmp_path: Path) -> None:
    """The decision leaves the payee's name out of the XML; the report shows the name that nobody signed."""
    raw = json.loads(body_of(signed(tmp_path, pki)))
    raw["16a1"]["v_dv_nhantien_ten"] = "Công ty Khác"
    report = judged_body(to_json_bytes(raw), pki)
    assert report.verdict == "valid"
    shown = {one.path.rpartition(".")[2]: one.value for one in report.uncovered}
    assert shown["v_dv_nhantien_ten"] == "Công ty Khác"


@pytest.mark.parametrize("form", FORMS)
def test_own_json_reads_back_to_the_same_dossier(form: str) -> None:
    """Writing and reading kyso's form changes nothing."""
    made = dossier(form)
    draft = read_dossier(parse_json(to_json_bytes(own_json(made, PROFILE)), "x"), PROFILE)
    assert draft.problems == ()
    assert completed(draft.dossier, PROFILE) == made


def test_amounts_with_decimals_are_exact_numbers_in_the_body() -> None:
    """A foreign amount is written as the number it is, not as a float and not as a string."""
    from decimal import Decimal

    assert to_json_bytes({"a": Decimal("12345678901234567.8901"), "b": "x"}) == b'{"a":12345678901234567.8901,"b":"x"}'


def test_a_signed_envelope_names_no_secret(pki: DemoPki, tmp_path: Path) -> None:
    """Nothing in the folder is a key or a password."""
    folder = signed(tmp_path, pki)
    everything = b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert b"PRIVATE" not in everything
    assert base64.b64encode(b"PRIVATE")[:8] not in everything
