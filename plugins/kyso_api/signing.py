"""The courses a letter takes to its signature: in a worker, by the server's session, after a person's confirmation."""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.cli.answers import SCHEMA, told
from kyso.errors import InternalError
from kyso.frozen import dataclass
from kyso.models import FailedSignature, PendingSignature, SignedDocument
from kyso.plugin import KeyTrouble, KysoError, SignRequest, WrongUse
from kyso.serving.problems import Refusal, problem_of
from kyso_api import contents, preparations, waiting_letters, webhooks
from kyso_api.replies import Made, keep_result

if TYPE_CHECKING:
    from kyso_api.service import Service
    from kyso_api.tokens import Token
    from kyso_api.uploads import UploadedFile
    from kyso_api.waiting_letters import WaitingLetter

_GREATEST_CERTIFICATE = 64 << 10


@dataclass(frozen=True, slots=True)
class LetterOrder:
    """A letter and what is wished of it.

    :param wishes: the fields of a :class:`~kyso.models.SignRequest`, as they cross to a worker.
    """

    document: UploadedFile
    image: UploadedFile | None
    wishes: Mapping[str, Any]

    def task(self, key: str) -> tuple[dict[str, Any], list[bytes]]:
        """Return a worker's arguments and blobs."""
        arguments: dict[str, Any] = {"name": self.document.name, "wishes": dict(self.wishes), "key": key}
        blobs = []
        if self.document.data is not None:
            blobs.append(self.document.data)
        else:
            arguments["path"] = str(self.document.path)
        if self.image is not None:
            picture = self.image.read()
            arguments["image"] = _kind_of(picture)
            blobs.append(picture)
        return arguments, blobs


async def sign(service: Service, token: Token, order: LetterOrder, key: str, webhook: str | None) -> Made:
    """Sign a letter with a configured key.

    :raises Refusal: the token may not use the key.
    :raises KysoError: the letter is not signed.
    """
    webhooks.check_url(webhook, service.settings)
    course = await course_of(service, token, key)
    if course != "worker" and order.wishes.get("level", service.config.signing.level) in ("lt", "lta"):
        raise WrongUse("api.level_afterwards", level=order.wishes.get("level") or service.config.signing.level)
    if course == "worker":
        made = await _by_worker(service, order, key)
    elif course == "session":
        made = await _by_session(service, order, key)
    else:
        return await _by_confirmation(service, token, order, key, webhook)
    service.metrics.signatures.labels("signed").inc()
    return made


async def course_of(service: Service, token: Token, key: str) -> str:
    """Return how a key signs.

    :raises Refusal: the token may not use it.
    """
    if not token.may_use(key):
        raise Refusal("api.key_forbidden", 403, name=key[:200])
    if service.keys.is_known_course(key):
        return service.keys.course(key)
    return await service.run(service.keys.course, key)


async def prepare(service: Service, token: Token, order: LetterOrder, certificates: list[bytes]) -> Made:
    """Prepare a letter for a key that the caller holds.

    :param certificates: the signer's and those above it, DER or PEM.
    """
    from kyso.cms.values import schemes_for
    from kyso.signing.prepared_json import from_json
    from kyso.signing.waiting import digest_to_sign
    from kyso_api.work import ABSENT

    chain = [_der(certificate) for certificate in certificates]
    arguments, blobs = order.task(ABSENT)
    arguments |= {"certificates": len(chain), "schemes": [list(scheme) for scheme in schemes_for(chain[0])]}
    answer, attached = await service.work("prepare", arguments, [*chain, *blobs])
    prepared = from_json(answer["prepared"])
    kept = await service.run(
        preparations.keep,
        service.records,
        prepared.id,
        token.id,
        answer["prepared"],
        attached[0],
        service.preparations_live,
    )
    described = {
        "schema": "kyso.preparation/1",
        "prepared_id": kept.id,
        "expires_at": kept.expires_at.isoformat(),
        "digest": base64.b64encode(digest_to_sign(prepared).value).decode(),
        "signed_attributes": base64.b64encode(prepared.signed_attributes).decode(),
        **answer["told"],
    }
    return Made(described, status=201)


async def complete(service: Service, token: Token, prepared_id: str, value: str) -> Made:
    """Complete a prepared letter with the caller's signature value, base64.

    :raises Refusal: there is no such preparation for this token, or it is completed.
    :raises KeyTrouble: the value was not made over its digest by the certificate's key.
    """
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise WrongUse("api.field_wrong", name="signature", value="...", expected="base64") from None
    work_s = service.settings.deadline_s + 30
    taken = await service.run(preparations.take, service.records, prepared_id, token.id, work_s)
    try:
        data = await service.run(contents.read, service.records, taken.content_id)
        name = _document_name(taken.prepared_json)
        answer, attached = await service.work(
            "finish", {"name": name, "prepared": taken.prepared_json}, [decoded, data]
        )
    except BaseException:
        await service.run(preparations.give_back, service.records, taken)
        raise
    await service.run(preparations.complete, service.records, taken)
    service.metrics.signatures.labels("completed").inc()
    return Made(answer, attached[0], name)


# ------------------------------------------------------------------------------------------------ the courses


async def _by_worker(service: Service, order: LetterOrder, key: str) -> Made:
    arguments, blobs = order.task(key)
    out = _out_for(service, order, arguments)
    try:
        answer, attached = await service.work("sign", arguments, blobs)
    except BaseException:
        _remove(out)
        raise
    return Made(answer, attached[0] if attached else out, order.document.name)


async def _by_session(service: Service, order: LetterOrder, key: str) -> Made:
    prepared, file = await _prepared(service, order, key)
    out = _out_for(service, order, {})
    try:
        value = await service.run(_value, service, prepared, key)
        arguments: dict[str, Any] = {"name": order.document.name, "prepared": prepared}
        blobs = [value]
        if out is not None:
            arguments |= {"path": str(file), "out": str(out)}
        else:
            blobs.append(await asyncio.to_thread(file.read_bytes))
        answer, attached = await service.work("finish", arguments, blobs)
    except BaseException:
        _remove(out)
        raise
    finally:
        _remove(file)
    return Made(answer, attached[0] if attached else out, order.document.name)


async def _by_confirmation(service: Service, token: Token, order: LetterOrder, key: str, webhook: str | None) -> Made:
    """Send the digest to where a person confirms it. What is sent is kept before it is sent."""
    prepared, file = await _prepared(service, order, key)
    try:
        outcome = await service.run(_submit, service, token, prepared, file, key, webhook)
    finally:
        _remove(file)
    if isinstance(outcome, SignedDocument):
        service.metrics.signatures.labels("signed").inc()
        return Made({"schema": SCHEMA, **_told(order.document.name, outcome)}, outcome.data, order.document.name)
    service.metrics.signatures.labels("pending").inc()
    answer = {"schema": SCHEMA, **_told(order.document.name, outcome)}
    return Made(answer, status=202, headers={"Location": f"/v1/pending/{outcome.prepared_id}"})


async def _prepared(service: Service, order: LetterOrder, key: str) -> tuple[str, Path]:
    """Have a worker prepare a letter for a key of the server's own process; its file lies in the work folder."""
    public = await service.run(service.keys.public_part, key)
    arguments, blobs = order.task(key)
    file = service.new_file()
    arguments |= {
        "certificates": len(public.certificates),
        "schemes": [list(scheme) for scheme in public.schemes],
        "out": str(file),
    }
    answer, _ = await service.work("prepare", arguments, [*public.certificates, *blobs])
    return str(answer["prepared"]), file


def _value(service: Service, prepared: str, key: str) -> bytes:
    from kyso.signing.prepared_json import from_json

    with service.keys.at_work(key) as engine:
        return engine.sign_value(from_json(prepared), key).value


def _submit(
    service: Service, token: Token, prepared: str, file: Path, key: str, webhook: str | None
) -> SignedDocument | PendingSignature:
    from kyso.signing.preparation import Prepared
    from kyso.signing.prepared_json import from_json
    from kyso.update.files import PreparedFile

    signature = from_json(prepared)
    records = service.records
    intent = {"schema": SCHEMA, "status": "sending", "document": signature.document_name, "prepared_id": signature.id}
    letter = waiting_letters.keep(
        records,
        signature.id,
        token.id,
        intent,
        file=file,
        key_name=key,
        webhook=webhook,
        lifetime=service.results_live,
    )
    held = PreparedFile.reopen(file, signature.byte_range, None)
    try:
        with service.keys.at_work(key) as engine:
            outcome = engine.submit([(SignRequest(file, key=key), Prepared(signature, held))])[0]
    except KysoError as error:
        if error.code != "remote.outcome_unknown":
            waiting_letters.end(records, letter, "failed", {**intent, "status": "failed", "error": problem_of(error)})
        raise
    finally:
        held.discard()
    answer = {"schema": SCHEMA, **_told(signature.document_name, outcome)}
    if isinstance(outcome, PendingSignature):
        waiting_letters.sent(records, letter, answer)
        return outcome
    if isinstance(outcome, FailedSignature):
        waiting_letters.end(records, letter, "failed", answer)
        raise KeyTrouble(outcome.code, **outcome.parameters)
    waiting_letters.end(records, letter, "signed", answer)
    return outcome


# ------------------------------------------------------------------------------------------------- resuming


async def resume(service: Service, letter: WaitingLetter) -> Made | None:
    """Ask once how a waiting letter stands, and finish it where its owner has confirmed.

    :returns: ``None`` where somebody else is asking right now.
    :raises KeyTrouble: declined or expired: the letter stays unsigned.
    :raises RemoteFailed: the other side failed; it is asked again later.
    """
    if not await service.run(waiting_letters.take, service.records, letter, service.settings.deadline_s + 30):
        return None
    try:
        outcome = await service.run(_asked, service, letter)
    except KeyTrouble as error:
        await _ended(service, letter, "failed", {"status": "failed", "error": problem_of(error)})
        raise
    except BaseException:
        await service.run(waiting_letters.give_back, service.records, letter)
        raise
    if isinstance(outcome, PendingSignature):
        await service.run(waiting_letters.give_back, service.records, letter)
        return Made({"schema": SCHEMA, **_told(letter.document_name, outcome)}, status=202)
    answer = {"schema": SCHEMA, **_told(letter.document_name, outcome)}
    if isinstance(outcome, FailedSignature):
        await _ended(service, letter, "failed", answer)
        raise KeyTrouble(outcome.code, **outcome.parameters)
    link = await keep_result(service, letter.token_id, Made(answer, outcome.data, letter.document_name))
    await _ended(service, letter, "signed", {**answer, "result": link}, link["id"])
    service.metrics.signatures.labels("confirmed").inc()
    return Made({**answer, "result": link})


async def cancel(service: Service, letter: WaitingLetter) -> None:
    """Stop waiting for a letter; a person who confirms afterwards signs nothing here.

    :raises WrongUse: it has ended already.
    """
    if letter.state != waiting_letters.WAITING:
        raise Refusal("api.pending_ended", 409, id=letter.id, state=letter.state)
    await service.run(service.keys.engine.cancel, letter.id)
    await _ended(service, letter, "cancelled", {**letter.answer, "status": "cancelled"})


def _asked(service: Service, letter: WaitingLetter) -> SignedDocument | PendingSignature | FailedSignature:
    from kyso.signing.waiting import folder_of

    kept = folder_of(service.config.records.url) / f"{letter.id}.pdf"
    if not kept.exists():
        # Another replica prepared it, on a disk of its own.
        contents.write_to(service.records, letter.content_id, kept)
    with service.keys.at_work(letter.key_name) as engine:
        outcomes = engine.resume(letter.id)
    if len(outcomes) != 1:
        raise InternalError("engine.unexpected_pending", name=letter.key_name)
    return outcomes[0]


async def _ended(
    service: Service, letter: WaitingLetter, state: str, answer: Mapping[str, Any], result_id: str | None = None
) -> None:
    whole = {"schema": SCHEMA, "prepared_id": letter.id, "document": letter.document_name, **answer}
    await service.run(waiting_letters.end, service.records, letter, state, whole, result_id)
    if letter.webhook is not None:
        about = {"pending": f"/v1/pending/{letter.id}", "answer": whole}
        await service.run(
            webhooks.enqueue, service.records, letter.token_id, letter.webhook, f"signature.{state}", about
        )


# -------------------------------------------------------------------------------------------------- in small


def _told(name: str, outcome: SignedDocument | PendingSignature | FailedSignature) -> dict[str, Any]:
    answer = told(name, dataclasses.replace(outcome, path=None) if isinstance(outcome, SignedDocument) else outcome)
    return {name: value for name, value in answer.items() if name not in ("out", "exit_code")}


def _out_for(service: Service, order: LetterOrder, arguments: dict[str, Any]) -> Path | None:
    """Return the file that a large letter's result goes to, and tell the worker."""
    if order.document.path is None:
        return None
    out = service.new_file()
    arguments["out"] = str(out)
    return out


def _remove(file: Path | None) -> None:
    if file is not None:
        file.unlink(missing_ok=True)


def _kind_of(picture: bytes) -> str:
    if picture.startswith(b"\x89PNG\r\n"):
        return "png"
    if b"%PDF-" in picture[:1024]:
        return "pdf"
    raise WrongUse("api.image_kind")


def _der(certificate: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        if len(certificate) > _GREATEST_CERTIFICATE:
            raise ValueError
        if b"-----BEGIN" in certificate:
            return x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
        return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.DER)
    except ValueError:
        raise WrongUse("api.certificate_unreadable") from None


def _document_name(prepared_json: str) -> str:
    from kyso.signing.prepared_json import from_json

    return from_json(prepared_json).document_name
