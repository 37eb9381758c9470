"""Sending a dossier: a state machine on disk that never sends twice by itself.

::

    holder_signed ─ each PDF ─▶ uploaded ─ intent ─▶ sending ─ answer ─▶ sent ─ status ─▶ accepted | returned

After a crash or a broken line in ``sending`` nobody knows whether the dossier arrived. Then the gateway is asked; if it
knows the dossier, that is the state; if not, a person decides.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from kyso.fetch import FetchFailed
from kyso.plugin import InputRefused, RemoteFailed, Secret
from kyso.text import Phrase
from kyso_kbnn.body import gateway_objects, signed_dossier
from kyso_kbnn.check import check_input, input_of_folder
from kyso_kbnn.dossier import Dossier, completed
from kyso_kbnn.enclosed_pdf import JudgePdf, faults_of
from kyso_kbnn.envelope import ROLES, Envelope, Role, read_envelope
from kyso_kbnn.folder import ATTACHMENTS, CONTENT_FILE, DossierFolder, FolderState, State
from kyso_kbnn.gateway import GatewayClient, GatewayRefused, StatusAnswer
from kyso_kbnn.gateway_encoding import BytesSent
from kyso_kbnn.profile import HouseRules, Profile
from kyso_kbnn.values import Value

Progress = Callable[[str, int, int, int], BytesSent | None]
"""Told before each step: (what, number, of how many, bytes); what it returns hears how many bytes are on their way."""

DEBIT_NOTE = "giay-bao-no.pdf"
STATUS_ANSWER = "status.json"
_OPEN: tuple[State, ...] = ("sending", "sent")


def send_folder(
    folder: DossierFolder,
    gateway: GatewayClient,
    password: Secret,
    profile: Profile,
    now: datetime,
    *,
    again: bool = False,
    verify_pdf: JudgePdf | None = None,
    rules: HouseRules | None = None,
    progress: Progress = lambda what, number, count, size: None,
) -> FolderState:
    """Bring a signed dossier to the gateway, from wherever it stands.

    :param password: goes into LoginInfo at the last moment.
    :param again: a person has decided that a dossier with unknown outcome may be sent again; files are uploaded anew.
    :param verify_pdf: judges the attachments before the first is uploaded; ``None`` uploads them unjudged.
    :param rules: the house rules about attachments; ``None`` takes the profile's.
    :raises InputRefused: the dossier is not signed by both, was changed, or an attachment is not in order.
    :raises RemoteFailed: the gateway refused or failed; what is known is in the folder's state.
    """
    with folder.locked():
        state = folder.state()
        if state.state in ("sent", "accepted", "returned"):
            raise InputRefused("kbnn.already_sent", name=str(folder.path), state=state.state)
        if state.state == "sending" and not again:
            state = _settle(folder, state, gateway, now)
            if state.state != "sending":
                return state
            raise RemoteFailed("kbnn.send_unknown", code=state.code)
        envelopes = _checked(folder, state, profile, now)
        if verify_pdf is not None:
            _judge_attachments(folder, envelopes, verify_pdf, rules or profile.house_rules)
        if again:
            state = replace(state, uploads={})  # the gateway keeps uploaded files for a while only
        state = _upload(folder, state, gateway, now, progress)
        dossier = _with_attachments(folder, state, profile)
        names: dict[Role, str] = {role: state.keys[role].username for role in ROLES if role in state.keys}
        content = folder.read(CONTENT_FILE)
        objects = gateway_objects(signed_dossier(dossier, content, envelopes, names, profile), profile)
        login_info = _login_info(gateway, password, dossier, envelopes, names, profile)
        gateway.ensure_session()  # a login that fails must not look like a dossier whose fate is unknown
        intent = {"time": now.isoformat(), "content_sha256": hashlib.sha256(content).hexdigest(), "again": again}
        state = replace(state, state="sending", intent=intent).noted("sending", now, again=again)
        folder.save(state)
        progress("send", 1, 1, 0)
        return _send(folder, state, gateway, objects, login_info, now)


def refresh_folder(folder: DossierFolder, gateway: GatewayClient, now: datetime) -> FolderState:
    """Ask the gateway for the dossier's state and keep the answer."""
    with folder.locked():
        return _settle(folder, folder.state(), gateway, now)


def download_folder(folder: DossierFolder, gateway: GatewayClient, now: datetime) -> Path:
    """Download the debit note that the last status named.

    :raises InputRefused: no status named one yet.
    """
    with folder.locked():
        state = folder.state()
        if not state.gateway_file:
            raise InputRefused("kbnn.no_file_yet", name=str(folder.path))
        data = gateway.download(state.gateway_file)
        folder.put_answer(DEBIT_NOTE, data)
        sums = {"sha256": hashlib.sha256(data).hexdigest(), "file": state.gateway_file}
        folder.save(state.noted("downloaded", now, **sums))
        return folder.path / "answers" / DEBIT_NOTE


def _checked(folder: DossierFolder, state: FolderState, profile: Profile, now: datetime) -> dict[Role, Envelope]:
    """Return both envelopes, if the dossier is whole and its signatures fit.

    :raises InputRefused: it is not; nothing is sent.
    """
    report = check_input(input_of_folder(folder), profile, None, now)
    missing = [role for role in ROLES if folder.envelope(state, role) is None]
    if missing:
        raise InputRefused("kbnn.signature_missing", role=missing)
    if report.verdict == "invalid":
        reasons = [notice.code for notice in (*report.reasons, *(n for s in report.signers for n in s.reasons))]
        raise InputRefused("kbnn.not_sendable", name=str(folder.path), reasons=reasons)
    return {role: read_envelope(folder.envelope(state, role) or b"", profile) for role in ROLES}


def _judge_attachments(
    folder: DossierFolder, envelopes: Mapping[Role, Envelope], verify_pdf: JudgePdf, rules: HouseRules
) -> None:
    """Judge every PDF before the first is uploaded.

    :raises InputRefused: with everything that is wrong with all of them.
    """
    certificates = {
        role: hashlib.sha256(base64.b64decode(envelope.certificate)).hexdigest() for role, envelope in envelopes.items()
    }
    faults = [fault for path in _pdfs(folder) for fault in faults_of(verify_pdf(path), path.name, certificates, rules)]
    if faults:
        causes = [Phrase(fault.code, fault.parameters) for fault in faults]
        raise InputRefused("kbnn.attachments_refused", count=len(faults), causes=causes)


def _pdfs(folder: DossierFolder) -> list[Path]:
    place = folder.path / ATTACHMENTS
    return sorted(place.glob("*.pdf")) if place.is_dir() else []


def _upload(
    folder: DossierFolder, state: FolderState, gateway: GatewayClient, now: datetime, progress: Progress
) -> FolderState:
    """Upload what is not yet uploaded. The file's digest names the upload, so a replaced file is uploaded anew."""
    paths = _pdfs(folder)
    for number, path in enumerate(paths, 1):
        data = path.read_bytes()
        name = f"{path.name}:{hashlib.sha256(data).hexdigest()}"
        if name in state.uploads:
            continue
        step = progress(path.name, number, len(paths), len(data))
        file_id = gateway.upload(path.name, data, step)
        state = replace(state, uploads={**state.uploads, name: file_id}).noted("uploaded", now, file=path.name)
        folder.save(state)
    if state.state in ("holder_signed", "accountant_signed", "drafted"):
        state = replace(state, state="uploaded")
        folder.save(state)
    return state


def _with_attachments(folder: DossierFolder, state: FolderState, profile: Profile) -> Dossier:
    """Bind each uploaded file to its RefDetailAttach: by file name, or as a new one."""
    dossier = folder.dossier()
    ids = {name.rpartition(":")[0]: file_id for name, file_id in state.uploads.items()}
    current = {path.name for path in (folder.path / ATTACHMENTS).glob("*.pdf")}
    records: list[dict[str, Value]] = []
    described = set()
    for one in dossier.attachments:
        name = str(one.get("v_ten_file", ""))
        if name not in ids or name not in current:
            raise InputRefused("kbnn.attachment_missing", name=name, folder=str(folder.path))
        described.add(name)
        records.append({**one, "fileId": ids[name]})
    for name in sorted(current - described):
        records.append({"v_ten_file": name, "v_ten_tai_lieu": Path(name).stem, "fileId": ids[name]})
    return completed(dataclasses.replace(dossier, attachments=tuple(records)), profile)


def _login_info(
    gateway: GatewayClient,
    password: Secret,
    dossier: Dossier,
    envelopes: Mapping[Role, Envelope],
    usernames: Mapping[Role, str],
    profile: Profile,
) -> dict[str, Secret | str]:
    """Build LoginInfo (4.1); its CertInfo fields are the signatures taken out of the envelopes."""
    element = profile.envelope.signature_element
    taken = {
        role: envelope.enveloped_data or "" if element == "EnvelopedData" else envelope.signed_content
        for role, envelope in envelopes.items()
    }
    values: dict[str, Secret | str] = {
        "UserName": gateway.username,
        "Password": password,
        "BudgetCode": str(dossier.document.get("v_ma_dvgd_dvqhns", "")),
        "HeadOfDepartmentUserName": usernames.get("holder") or gateway.username,
        "ChiefAccountantUserName": usernames.get("accountant", ""),
        "HeadOfDepartmentCertInfo": taken["holder"],
        "ChiefAccountantCertInfo": taken["accountant"],
    }
    return {field.key: values[field.name] for field in profile.login.fields}


def _send(
    folder: DossierFolder,
    state: FolderState,
    gateway: GatewayClient,
    objects: Mapping[str, Any],
    login_info: Mapping[str, Secret | str],
    now: datetime,
) -> FolderState:
    try:
        answer = gateway.send(objects, login_info)
    except GatewayRefused as refused:
        if refused.refusal == "duplicate":
            return _settle(folder, state, gateway, now)
        back = replace(state, state="uploaded", intent=None, gateway_status=refused.refusal)
        folder.save(
            back.noted(
                "send_refused",
                now,
                code=refused.parameters.get("gateway_code"),
                answer=refused.parameters.get("answer"),
            )
        )
        raise
    except FetchFailed as failed:
        if not failed.sent:
            folder.save(replace(state, state="uploaded", intent=None).noted("send_failed", now, code=failed.code))
            raise
        return _after_silence(folder, state, gateway, now, failed)
    except RemoteFailed as failed:
        return _after_silence(folder, state, gateway, now, failed)
    folder.put_answer("send.json", answer)
    state = replace(state, state="sent", intent=None).noted("sent", now)
    folder.save(state)
    return state


def _after_silence(
    folder: DossierFolder,
    state: FolderState,
    gateway: GatewayClient,
    now: datetime,
    cause: RemoteFailed,
) -> FolderState:
    """The line broke after the body may have arrived: ask, and leave the rest to a person."""
    folder.save(state.noted("send_unknown", now, code=cause.code))
    try:
        settled = _settle(folder, folder.state(), gateway, now)
    except RemoteFailed as silence:
        raise RemoteFailed("kbnn.send_unknown", code=state.code) from silence
    if settled.state == "sending":
        raise RemoteFailed("kbnn.send_unknown", code=state.code) from cause
    return settled


def _settle(folder: DossierFolder, state: FolderState, gateway: GatewayClient, now: datetime) -> FolderState:
    """Ask the gateway and take over what it knows."""
    answers = [answer for answer in gateway.status([state.code]) if answer.code == state.code]
    return _taken_over(folder, state, answers[0], now) if answers else state


def take_over(folder: DossierFolder, answer: StatusAnswer, now: datetime) -> FolderState:
    """Keep an answer about the dossier that was asked for together with others.

    :raises InputRefused: another process works on the dossier.
    """
    with folder.locked():
        return _taken_over(folder, folder.state(), answer, now)


def _taken_over(folder: DossierFolder, state: FolderState, answer: StatusAnswer, now: datetime) -> FolderState:
    folder.put_answer(STATUS_ANSWER, _answer_json(answer))
    new: State = state.state
    if answer.state in ("sent", "accepted", "returned"):
        new = cast(State, answer.state)
    elif answer.state is None and state.state == "sending":
        new = "sent"  # words the profile does not know are still words about a dossier that arrived
    changed = new != state.state or answer.words != state.gateway_status
    settled = replace(
        state,
        state=new,
        intent=None if new != "sending" else state.intent,
        gateway_status=answer.words,
        gateway_file=answer.file or state.gateway_file,
    )
    if changed:
        settled = settled.noted("status", now, words=answer.words, reason=answer.reason)
    folder.save(settled)
    return settled


def _answer_json(answer: StatusAnswer) -> bytes:
    from kyso_kbnn.body import to_json_bytes

    return to_json_bytes(dataclasses.asdict(answer), indent=2)


def is_open(state: FolderState) -> bool:
    """Tell whether the treasury has still to answer about a dossier."""
    return state.state in _OPEN
