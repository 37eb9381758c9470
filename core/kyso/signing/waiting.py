"""Signatures that wait for a person: kept before anything is sent, finished whenever the answer comes.

The order of things is what makes a crash harmless: the prepared file and the intent are on the disk before the request
leaves; the ticket is recorded as soon as there is one, before the sending where the key can say it then; the letter is
published before its preparation is dropped, and one that was published already is recognised. What is found without a
ticket afterwards was sent with unknown outcome: a person looks, nothing is sent again by itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.cms.values import value_matches
from kyso.contracts import AnnouncingKey
from kyso.errors import KeyTrouble, KysoError, RemoteFailed, WrongUse
from kyso.models import (
    DigestToSign,
    FailedSignature,
    Pending,
    PendingSignature,
    SignatureValue,
    Signed,
    SignedDocument,
)
from kyso.records.store import OPEN_STATES, PreparedRecord, Records, State
from kyso.signing import shelf
from kyso.signing.completion import attributes_digest, finish, published_before
from kyso.signing.prepared_json import from_json, to_json
from kyso.text import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kyso.contracts import Key
    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.models import PreparedSignature, SignRequest
    from kyso.signing.preparation import Prepared

Outcome = SignedDocument | PendingSignature | FailedSignature

OUTCOME_UNKNOWN = "remote.outcome_unknown"
"""The one error after which the other side may have the request: its preparation is kept for a person to decide."""


def folder_of(records_url: str | None) -> Path:
    """Return where prepared files wait: beside a SQLite file, else in the user's data folder."""
    from kyso.records.store import default_path

    prefix = "sqlite:///"
    if records_url is not None and records_url.startswith(prefix) and records_url != prefix + ":memory:":
        base = Path(records_url.removeprefix(prefix)).parent
    else:
        base = default_path().parent
    folder = base / "prepared"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class WaitingRoom:
    """The prepared signatures of one records database. Open it for one step and close it again."""

    def __init__(self, records: Records, folder: Path, authorities: TimestampAuthorities | None = None) -> None:
        self._records = records
        self._folder = folder
        self._authorities = authorities

    def submit(self, letters: Sequence[tuple[SignRequest, Prepared]], key: Key, key_name: str) -> list[Outcome]:
        """Send the digests of several prepared letters in one request.

        :raises KysoError: the request failed as a whole; where its outcome is unknown the preparations are kept.
        """
        digests = [digest_to_sign(prepared.signature) for _, prepared in letters]
        scheme = letters[0][1].signature.scheme
        announced = key.announce(digests, scheme) if isinstance(key, AnnouncingKey) else None
        kept = [self._keep(request, prepared, key_name, announced) for request, prepared in letters]
        try:
            answer = key.sign(digests, scheme)
        except KysoError as error:
            if error.code != OUTCOME_UNKNOWN:
                for prepared in kept:
                    self._end(prepared.id, "failed")
            raise
        records = [self._records.prepared(prepared.id) for prepared in kept]
        if isinstance(answer, Signed):
            return list(self._finish_all(records, answer.values).values())
        return list(self._wait_on(records, answer).values())

    def resume(self, prepared_id: str, open_key: Callable[[str], Key]) -> dict[str, Outcome]:
        """Ask once how a waiting signature stands, and finish every letter of the same request if it was confirmed.

        :returns: how each letter of the request stands, by its id, oldest first.
        :raises KeyTrouble: declined or expired: the letters stay unsigned and are no longer waited for. Or the key
            cannot be opened now: then they are waited for as before.
        :raises RemoteFailed: nothing is known of the request; or the other side did not answer, ask again later.
        """
        record = self._records.prepared(prepared_id)
        if record.state not in OPEN_STATES:
            raise WrongUse("records.prepared_ended", id=prepared_id, state=record.state)
        if record.ticket is None:
            raise RemoteFailed("pending.outcome_unknown", id=prepared_id, name=record.document_name)
        together = [other for other in self._records.prepared_in(*OPEN_STATES) if other.ticket == record.ticket]
        # A wrong password or a server that is away says nothing about the request.
        key = open_key(record.key_name)
        try:
            answer = key.poll(record.ticket)
        except KeyTrouble:
            for other in together:
                with _unless_ended_already():
                    self._end(other.id, "failed")
            raise
        except RemoteFailed as error:
            if record.state == "intended":
                cause = Phrase(error.code, error.parameters)
                about = {"id": prepared_id, "name": record.document_name, "cause": cause}
                raise RemoteFailed("pending.outcome_still_unknown", **about) from error
            raise
        if isinstance(answer, Signed):
            return self._finish_all(together, answer.values)
        return self._wait_on(together, answer)

    def waiting(self) -> list[PreparedRecord]:
        """Return what waits, oldest first."""
        return self._records.prepared_in(*OPEN_STATES)

    def cancel(self, prepared_id: str) -> PreparedRecord:
        """Stop waiting for one letter; a request that a person confirms afterwards signs nothing here."""
        record = self._records.prepared(prepared_id)
        self._end(prepared_id, "cancelled")
        return record

    # ------------------------------------------------------------------------------------------------ private

    def _keep(
        self, request: SignRequest, prepared: Prepared, key_name: str, announced: str | None
    ) -> PreparedSignature:
        signature = shelf.put(prepared, self._folder)
        self._records.put_prepared(
            PreparedRecord(
                id=signature.id,
                state="intended",
                document_name=signature.document_name,
                key_name=key_name,
                prepared_json=to_json(signature),
                prepared_path=self._folder / f"{signature.id}.pdf",
                out_path=None if request.out is None else request.out.absolute(),
                overwrite=request.overwrite,
                ticket=announced,
            )
        )
        return signature

    def _wait_on(self, records: Sequence[PreparedRecord], answer: Pending) -> dict[str, Outcome]:
        for record in records:
            if record.state == "intended" or record.ticket != answer.ticket:
                self._records.change_prepared(
                    record.id,
                    "pending",
                    ticket=answer.ticket,
                    instruction=answer.instruction,
                    expires_at=answer.expires_at,
                )
        return {record.id: PendingSignature(record.id, record.document_name, answer) for record in records}

    def _finish_all(self, records: Sequence[PreparedRecord], values: Sequence[bytes]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for record in records:
            try:
                outcomes[record.id] = self._finish(record, values)
            except KysoError as error:
                failed = FailedSignature(record.document_name, error.code, error.parameters, error.exit_code)
                outcomes[record.id] = failed
        return outcomes

    def _finish(self, record: PreparedRecord, values: Sequence[bytes]) -> SignedDocument:
        prepared = from_json(record.prepared_json)
        # Published before its end could be recorded: by a process that was killed, or by another one just now.
        signed = published_before(prepared, record.out_path)
        if signed is None:
            try:
                signed = self._publish(prepared, record, values)
            except KysoError:
                signed = published_before(prepared, record.out_path)
                if signed is None:
                    raise
        with _unless_ended_already():
            self._end(record.id, "finished")
        return signed

    def _publish(self, prepared: PreparedSignature, record: PreparedRecord, values: Sequence[bytes]) -> SignedDocument:
        value = _own_value(prepared, values)
        target = None if record.out_path is None else record.out_path.parent
        file = shelf.take(self._folder, prepared, target)
        try:
            return finish(
                prepared,
                file,
                SignatureValue(value),
                record.out_path,
                overwrite=record.overwrite,
                authorities=self._authorities,
            )
        finally:
            file.discard()

    def _end(self, prepared_id: str, state: State) -> None:
        self._records.change_prepared(prepared_id, state)
        shelf.drop(self._folder, prepared_id)


@contextmanager
def _unless_ended_already() -> Iterator[None]:
    """Let another process have recorded the same end a moment ago."""
    try:
        yield
    except WrongUse as error:
        if error.code != "records.prepared_ended":
            raise


def digest_to_sign(prepared: PreparedSignature) -> DigestToSign:
    """Return what the key source is asked to sign for `prepared`."""
    return DigestToSign(attributes_digest(prepared), prepared.digest, prepared.document_name, prepared.id)


def _own_value(prepared: PreparedSignature, values: Sequence[bytes]) -> bytes:
    """Find the value made for this letter. By its mathematics, not by its place: places have been mixed up before."""
    digest = attributes_digest(prepared)
    for value in values:
        if value_matches(prepared.certificates[0], value, digest, prepared.scheme, prepared.digest):
            return value
    raise KeyTrouble("key.wrong_signature", name=prepared.document_name)
