"""Signing a dossier: house rules first, then the key, then the envelope; a phone's answer may come days later.

Nothing is asked of a key before every rule holds. Before a key that is not a file is used, the intent is recorded; if
the process dies between intent and answer, the outcome is unknown and a person decides (rule 5 of the design).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from kyso.cms.values import load_certificate
from kyso.contracts import Key
from kyso.models import Notice, Pending, Signed
from kyso.plugin import InputRefused, KeyTrouble, SigningRefused
from kyso.signing.certificates import check_certificate, signer_of
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.dossier import completed
from kyso_kbnn.envelope import Envelope, PreparedEnvelope, Role, finish_envelope, prepare_envelope, read_envelope
from kyso_kbnn.folder import CONTENT_FILE, ENVELOPE_FILES, DossierFolder, FolderState, KeyUse
from kyso_kbnn.profile import HouseRules, Profile

KeyForm = Literal["file", "token", "remote"]
JudgeCertificate = Callable[[bytes, tuple[bytes, ...]], Sequence[Notice]]


@dataclass(frozen=True, slots=True)
class SignerKey:
    """An opened key of one of the two signers.

    :param form: what kind of key it is; see :func:`key_form`.
    :param username: the signer's login name in the DVC system.
    """

    key: Key
    form: KeyForm
    username: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopePending:
    """A signer must confirm first; signing the same role again asks for the answer."""

    role: Role
    pending: Pending


def key_form(uri: str) -> KeyForm:
    """Return the form of a key by its URI: a PFX file, a token, or a remote CA (everything else)."""
    scheme = uri.partition(":")[0].lower()
    return "file" if scheme == "pfx" else "token" if scheme == "pkcs11" else "remote"


def envelope_certificates(key: Key) -> tuple[bytes, ...]:
    """Return the certificates an envelope carries: the signer's and the CAs below the root."""
    below_root = [der for der in key.chain if load_certificate(der).issuer != load_certificate(der).subject]
    return (key.certificate, *below_root)


def sign_content(
    content: bytes, role: Role, key: Key, signed_at: datetime, profile: Profile, *, document_name: str
) -> Envelope:
    """Sign authentication data with a key that answers at once, outside any folder (exports, batches).

    :raises KeyTrouble: the key would make a person confirm, or its value does not verify.
    """
    check_certificate(key.certificate, signed_at)
    prepared = prepare_envelope(content, role, envelope_certificates(key), key.schemes, signed_at, profile)
    answer = key.sign(prepared.to_sign(document_name), prepared.scheme)
    if not isinstance(answer, Signed):
        raise KeyTrouble("kbnn.needs_folder", role=role)
    return finish_envelope(prepared, content, answer.values, profile)


def sign_folder(
    folder: DossierFolder,
    role: Role,
    signer: SignerKey,
    profile: Profile,
    rules: HouseRules,
    now: datetime,
    *,
    judge_certificate: JudgeCertificate | None = None,
    again: bool = False,
) -> Envelope | EnvelopePending:
    """Sign the dossier in `folder` as `role`, or ask for the answer a person still owes.

    :param judge_certificate: refuses a certificate that must not sign; raises what it finds.
    :param again: a person has made sure that an earlier request with unknown outcome may be repeated.
    :raises SigningRefused: a house rule forbids it.
    :raises InputRefused: the dossier was changed, or is already signed.
    :raises KeyTrouble: the key does not sign.
    """
    with folder.locked():
        state = folder.state()
        content = _unchanged_content(folder, state, profile)
        waiting = state.pending.get(role)
        if waiting is not None and waiting.get("ticket") is not None:
            prepared = PreparedEnvelope.from_json(waiting["prepared"])
            return _answer(
                folder, state, prepared, content, signer, signer.key.poll(str(waiting["ticket"])), profile, now
            )
        if waiting is not None:
            adopted = _adopt(folder, state, role, content, signer, profile, now)
            if adopted is not None:
                return adopted
        if waiting is not None and waiting.get("form") != "file" and not again:
            raise SigningRefused("kbnn.outcome_unknown", role=role)
        check_house_rules(folder, state, role, signer, profile, rules)
        check_certificate(signer.key.certificate, now)
        if judge_certificate is not None:
            judge_certificate(signer.key.certificate, signer.key.chain)
        certificates = envelope_certificates(signer.key)
        prepared = prepare_envelope(content, role, certificates, signer.key.schemes, now, profile)
        intended = {**state.pending, role: {"prepared": prepared.as_json(), "form": signer.form, "ticket": None}}
        state = replace(state, pending=intended).noted("signing_intended", now, role=role)
        folder.save(state)
        try:
            answer = signer.key.sign(prepared.to_sign(f"{state.code} {_title(folder)}".strip()), prepared.scheme)
        except KeyTrouble:
            # A key that says no has signed nothing; only silence leaves the outcome unknown.
            folder.save(replace(state, pending=_without(state, role)).noted("signing_refused", now, role=role))
            raise
        return _answer(folder, state, prepared, content, signer, answer, profile, now)


def check_house_rules(
    folder: DossierFolder, state: FolderState, role: Role, signer: SignerKey, profile: Profile, rules: HouseRules
) -> None:
    """Refuse what the unit's own rules forbid, before any key is used.

    :raises SigningRefused: the accountant has not signed yet, both signers are one person, or token and remote mix.
    :raises InputRefused: this role has already signed.
    """
    if folder.envelope(state, role) is not None:
        raise InputRefused("kbnn.already_signed", role=role)
    other_role: Role = "holder" if role == "accountant" else "accountant"
    other = folder.envelope(state, other_role)
    if rules.accountant_first and role == "holder" and other is None:
        raise SigningRefused("kbnn.accountant_first")
    if rules.accountant_first and role == "accountant" and other is not None:
        raise SigningRefused("kbnn.accountant_first")
    used = state.keys.get(other_role)
    if other is not None and rules.different_people:
        import base64

        certificate = base64.b64decode(read_envelope(other, profile).certificate)
        same_name = bool(used and used.username and used.username == signer.username)
        if same_name or same_person(certificate, signer.key.certificate):
            raise SigningRefused("kbnn.same_person", name=signer_of(signer.key.certificate).name)
    if used is not None and rules.one_key_form and {used.form, signer.form} == {"token", "remote"}:
        raise SigningRefused("kbnn.mixed_key_forms", first=used.form, second=signer.form)


def same_person(one: bytes, other: bytes) -> bool:
    """Tell whether two certificates name one person: same key, same personal number, or the same subject.

    :raises KeyTrouble: a key or name in them cannot be read.
    """
    first, second = load_certificate(one), load_certificate(other)
    try:
        if first.public_key() == second.public_key() or first.subject == second.subject:
            return True
    except ValueError as cause:
        raise KeyTrouble("key.certificate_unreadable") from cause
    identifier = signer_of(one).identifier
    return bool(identifier) and identifier == signer_of(other).identifier


def _unchanged_content(folder: DossierFolder, state: FolderState, profile: Profile) -> bytes:
    """Return the authentication data, if folder and data are still what was drafted.

    :raises InputRefused: a file was changed, or dossier and authentication data no longer say the same.
    """
    changed = folder.changed_files(state)
    if changed:
        raise InputRefused("kbnn.dossier_changed", name=str(folder.path), file=changed)
    content = folder.read(CONTENT_FILE)
    if write_authentication_data(completed(folder.dossier(), profile), profile) != content:
        raise InputRefused("kbnn.data_differ", name=str(folder.path))
    return content


def _answer(
    folder: DossierFolder,
    state: FolderState,
    prepared: PreparedEnvelope,
    content: bytes,
    signer: SignerKey,
    answer: Signed | Pending,
    profile: Profile,
    now: datetime,
) -> Envelope | EnvelopePending:
    role = prepared.role
    if isinstance(answer, Pending):
        waiting: dict[str, Any] = {
            "prepared": prepared.as_json(),
            "form": signer.form,
            "ticket": answer.ticket,
            "expires_at": answer.expires_at.isoformat(),
            "instruction": answer.instruction,
        }
        state = replace(state, pending={**state.pending, role: waiting})
        folder.save(state.noted("signing_pending", now, role=role))
        return EnvelopePending(role, answer)
    envelope = finish_envelope(prepared, content, answer.values, profile)
    return _keep(folder, state, prepared, envelope, signer, profile, now)


def _keep(
    folder: DossierFolder,
    state: FolderState,
    prepared: PreparedEnvelope,
    envelope: Envelope,
    signer: SignerKey,
    profile: Profile,
    now: datetime,
) -> Envelope:
    role = prepared.role
    state = folder.put(state, ENVELOPE_FILES[role], envelope.to_xml(profile))
    use = KeyUse(signer.form, hashlib.sha256(prepared.certificates[0]).hexdigest(), signer.username)
    state = replace(state, keys={**state.keys, role: use}, pending=_without(state, role))
    both = all(name in state.sha256 for name in ENVELOPE_FILES.values())
    state = replace(
        state, state="holder_signed" if both else "accountant_signed" if role == "accountant" else state.state
    )
    folder.save(state.noted("signed", now, role=role, signer=signer_of(prepared.certificates[0]).name))
    return envelope


def _adopt(
    folder: DossierFolder,
    state: FolderState,
    role: Role,
    content: bytes,
    signer: SignerKey,
    profile: Profile,
    now: datetime,
) -> Envelope | None:
    """Take an envelope that was written just before the process died, if it is whole and the one that was intended."""
    data = folder.read_if_there(ENVELOPE_FILES[role])
    if data is None or ENVELOPE_FILES[role] in state.sha256:
        return None
    from kyso_kbnn.envelope_check import check_envelope

    prepared = PreparedEnvelope.from_json(state.pending[role]["prepared"])
    report = check_envelope(content, data, role, profile, None, now)
    if report.integrity != "intact" or report.certificate != prepared.certificates[0]:
        return None
    if report.signed_at != prepared.signed_at:
        return None
    return _keep(folder, state, prepared, read_envelope(data, profile), signer, profile, now)


def _without(state: FolderState, role: Role) -> dict[str, Any]:
    return {name: waiting for name, waiting in state.pending.items() if name != role}


def _title(folder: DossierFolder) -> str:
    return folder.dossier().title
