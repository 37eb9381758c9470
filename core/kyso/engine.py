"""The engine: joins the plugins to the pipeline. Synchronous and re-entrant.

Ten lines that sign a letter and check it::

    from pathlib import Path
    from kyso import Engine, RectMm, Secret, SignRequest

    with Engine.from_config(Path("kyso.toml"), ask_secret=lambda code, about: Secret("...")) as engine:
        signed = engine.sign(
            SignRequest(Path("letter.pdf"), key="leader", policy="decree30.leader", out=Path("signed.pdf"))
        )
        report = engine.verify(signed.path)
        print(signed.field, report.verdict)

A waiting signature is a value (:class:`~kyso.models.PendingSignature`), never a blocked thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kyso.config import Config
from kyso.contracts import untold
from kyso.errors import InternalError, KeyTrouble, KysoError
from kyso.hookspecs import hookimpl
from kyso.models import (
    DigestToSign,
    FailedSignature,
    PendingSignature,
    PreparedSignature,
    Preview,
    SignatureValue,
    Signed,
    SignedDocument,
    SignRequest,
    Source,
)
from kyso.plugins import PluginRegistry, create_plugin_manager
from kyso.signing.keyring import KeyRing

if TYPE_CHECKING:
    from types import TracebackType

    from kyso.contracts import Key, KeyDescription, NoticeTeller, SecretAsker
    from kyso.document.opening import OpenLetter
    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.models import Notice, Placement
    from kyso.records.store import PreparedRecord
    from kyso.secret import Secret
    from kyso.signing.batch import WorkerPool
    from kyso.signing.context import SigningContext
    from kyso.signing.preparation import Prepared
    from kyso.signing.waiting import WaitingRoom
    from kyso.verification.report import VerificationReport
    from kyso.verification.settings import ReceiptBook
    from kyso_stamps import Appearance

Outcome = SignedDocument | PendingSignature | FailedSignature

_EVENTS = {SignedDocument: "signed", PendingSignature: "pending", FailedSignature: "failed"}
_JUDGEMENT_HOLDS = timedelta(minutes=5)
"""How long what was found about a certificate's chain holds for the next letter."""


def _no_secret(code: str, parameters: Mapping[str, object]) -> Secret:
    raise KeyTrouble("key.secret_missing", **parameters)


def _present() -> datetime:
    return datetime.now(UTC)


class Engine:
    """Signs, seals and verifies letters with the configured keys and the loaded plugins.

    Use it as a context manager: leaving it closes key sessions and worker processes.
    """

    def __init__(
        self,
        config: Config,
        registry: PluginRegistry,
        *,
        ask_secret: SecretAsker = _no_secret,
        online: bool = False,
        last_try: bool = False,
        tell: NoticeTeller = untold,
        now: Callable[[], datetime] = _present,
    ) -> None:
        self.config = config
        self.registry = registry
        registry.font_choice = config.font_choice
        self._now = now
        self._online = online or config.network.online
        self._ring = KeyRing(
            config,
            registry,
            ask_secret=ask_secret,
            online=self._online,
            last_try=last_try,
            tell=tell,
        )
        self._lock = threading.RLock()
        self._pool: WorkerPool | None = None
        self._authorities: TimestampAuthorities | None = None
        self._context: SigningContext | None = None
        self._judged: dict[bytes, tuple[datetime, tuple[Notice, ...]]] = {}
        registry.manager.register(_SigningHook(self), name="kyso.engine")

    @classmethod
    def from_config(
        cls,
        config: Config | Path | None = None,
        *,
        ask_secret: SecretAsker = _no_secret,
        online: bool = False,
        last_try: bool = False,
        tell: NoticeTeller = untold,
        now: Callable[[], datetime] = _present,
    ) -> Self:
        """Build an engine from a configuration, a file, or (``None``) the defaults.

        :param ask_secret: asks a person for a password or PIN.
        :param online: the network may be used.
        :param last_try: spend a token's last PIN try.
        :param tell: shows a notice at once ("enter the PIN on the device").
        :param now: the present.
        :raises ConfigWrong: the file holds something that cannot be right.
        """
        loaded = config if isinstance(config, Config) else Config.load(config)
        registry = create_plugin_manager()
        return cls(loaded, registry, ask_secret=ask_secret, online=online, last_try=last_try, tell=tell, now=now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def online(self) -> bool:
        """Whether the network may be used."""
        return self._online

    def close(self) -> None:
        """Close key sessions and worker processes. Closing twice is harmless."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
            if self._authorities is not None:
                self._authorities.close()
                self._authorities = None
            self._ring.close()

    # ------------------------------------------------------------------------------------------------ signing

    def sign(self, request: SignRequest) -> SignedDocument | PendingSignature:
        """Sign one letter.

        :raises KysoError: the letter is not signed; the input is untouched and there is no output.
        """
        try:
            outcome = self.sign_silently(request)
        except KysoError as error:
            self.tell(request, failure_of(request, error))
            raise
        self.tell(request, outcome)
        return outcome

    def sign_many(self, requests: Iterable[SignRequest], *, workers: int = 1) -> Iterator[Outcome]:
        """Sign many letters; one that fails does not stop the rest. Outcomes come in the order of the requests.

        :param workers: processes to prepare and finish in. A key that is a file is opened by every worker; any
            other key stays in this process, which then does the work alone.
        """
        from kyso.signing.batch import sign_batch

        return sign_batch(self, requests, workers)

    def prepare(self, request: SignRequest, folder: Path) -> PreparedSignature:
        """Prepare a letter and keep it in `folder` as ``ID.pdf`` and ``ID.json``, to be finished by any process."""
        from kyso.signing import shelf

        return shelf.put(self._prepare(request, folder), folder)

    def finish(
        self,
        prepared: PreparedSignature | str,
        value: SignatureValue,
        folder: Path,
        *,
        out: Path | None = None,
        overwrite: bool = False,
    ) -> SignedDocument:
        """Finish a preparation kept in `folder` with a signature value from wherever it was made.

        :param prepared: the preparation or its id.
        :raises KeyTrouble: the value does not fit.
        :raises InputRefused: the prepared file was changed, or there is none.
        """
        from kyso.signing import completion, shelf

        signature = shelf.read(folder, prepared) if isinstance(prepared, str) else prepared
        file = shelf.take(folder, signature, out.parent if out is not None else None)
        try:
            authorities = self.timestamp_authorities()
            signed = completion.finish(signature, file, value, out, overwrite=overwrite, authorities=authorities)
        finally:
            file.discard()
        shelf.drop(folder, signature.id)
        return signed

    def sign_value(self, prepared: PreparedSignature, key: str | None = None) -> SignatureValue:
        """Make the signature value of a preparation with one of this engine's keys.

        :raises KeyTrouble: the key is another one, or a person would have to confirm.
        """
        name = key or prepared.key
        opened = self.key(name)
        if opened.certificate != prepared.certificates[0]:
            raise KeyTrouble("key.other_certificate", name=name)
        answer = opened.sign([digest_to_sign(prepared)], prepared.scheme)
        if not isinstance(answer, Signed):
            raise KeyTrouble("key.needs_confirmation", name=name)
        return SignatureValue(answer.values[0])

    def pending(self) -> list[PreparedRecord]:
        """List the signatures that wait for a person, oldest first."""
        with self._waiting_room() as room:
            return room.waiting()

    def resume(self, prepared_id: str) -> list[Outcome]:
        """Ask once how a waiting signature stands; finishes every letter of the same request once it is confirmed.

        :raises KeyTrouble: declined or expired: the letters stay unsigned.
        :raises RemoteFailed: the outcome is unknown, or the other side did not answer.
        """
        with self._waiting_room() as room:
            return list(room.resume(prepared_id, self.key).values())

    def resume_each(self, prepared_id: str) -> dict[str, Outcome]:
        """Do as :meth:`resume` and return the outcomes by the ids of the letters. Errors are the same."""
        with self._waiting_room() as room:
            return room.resume(prepared_id, self.key)

    def cancel(self, prepared_id: str) -> PreparedRecord:
        """Stop waiting for a signature.

        :raises WrongUse: there is none of that id, or it has ended already.
        """
        with self._waiting_room() as room:
            return room.cancel(prepared_id)

    def preview(self, request: SignRequest, *, dpi: float = 110.0) -> Preview:
        """Draw the page as it would look signed. No key is opened and no secret asked for."""
        from kyso.document.opening import open_letter
        from kyso.preview import preview_page
        from kyso.signing.placing import draw_fills

        with open_letter(request.document, password=request.password) as letter:
            placement, appearance = self._placed(letter, request)
            fills = draw_fills(placement, self._signing_context())
            png, boxes = preview_page(letter, placement, appearance, dpi, fills)
        return Preview(png, placement, boxes)

    def place(self, request: SignRequest) -> tuple[Placement, Appearance | None]:
        """Decide where the signature would go and draw its stamp alone. No key is opened and no secret asked for."""
        from kyso.document.opening import open_letter

        with open_letter(request.document, password=request.password) as letter:
            return self._placed(letter, request)

    # ---------------------------------------------------------------------------------------------- verifying

    def verify(
        self,
        source: Source,
        *,
        trust: Sequence[Path] | None = None,
        crls: Sequence[Path] | None = None,
        at: datetime | None = None,
        password: Secret | None = None,
        revocation: str | None = None,
        name: str | None = None,
        conformity: bool = False,
        receipts: ReceiptBook | None = None,
    ) -> VerificationReport:
        """Verify a document. Never raises for a bad file: that is a verdict.

        :param trust: files or folders with roots, instead of the configured ones.
        :param crls: files or folders with CRLs, instead of the configured ones.
        :param at: judge at this time instead of now; never a signing time.
        :param conformity: also judge the letter's form by the plugins' rules, which takes reading its pages.
        :param receipts: our own register of incoming letters, whose rows prove that a file existed when it came.
        """
        from kyso.verification.settings import settings_from
        from kyso.verification.verify import verify_document

        settings = settings_from(
            self.config,
            trust=trust,
            crls=crls,
            at=at,
            now=self._now(),
            password=password,
            revocation=revocation,
            online=self._online,
            receipts=receipts,
        )
        report = verify_document(source, settings, name=name)
        if conformity:
            from kyso.verification.conformity import with_conformity

            return with_conformity(report, source, self.registry, password)
        return report

    # --------------------------------------------------------------------------------------------------- keys

    def keys(self) -> tuple[list[KeyDescription], list[tuple[str, KysoError]]]:
        """List the configured keys, then what the key sources find. No secret is asked for.

        :returns: the keys, and what could not be asked with the reason.
        """
        from kyso.signing.keys import list_keys

        return list_keys(self.config, self.registry, self._ring.access)

    def key(self, name: str) -> Key:
        """Open a key by its configured name or URI; it stays open until the engine is closed.

        :raises KeyTrouble: it cannot be opened.
        :raises WrongUse: the name is unknown.
        """
        return self._ring.key(name)

    def certificate(self, name: str) -> bytes:
        """Return a key's certificate, DER: without a secret where its source can read it so, else by opening the key.

        :raises KeyTrouble: it cannot be read or opened.
        :raises WrongUse: the name is unknown.
        """
        from kyso.signing.keys import resolve

        uri, source = resolve(name, self.config, self.registry)
        return source.read_certificate(uri, self._ring.access(name)) or self.key(name).certificate

    def is_portable(self, name: str) -> bool:
        """Tell whether worker processes may open the key by themselves.

        :raises WrongUse: the name is unknown.
        """
        return self._ring.is_portable(name)

    # ------------------------------------------------------------------------------- for the stages and the batch

    def sign_silently(self, request: SignRequest) -> SignedDocument | PendingSignature:
        """Sign one letter without telling `record_event`; :meth:`sign` and the batch tell."""
        outcome = self.registry.hook.sign_document(request=request)
        if not isinstance(outcome, (SignedDocument, PendingSignature)):
            raise InternalError("engine.wrapper_lost_outcome")
        return outcome

    def sign_now(self, request: SignRequest) -> SignedDocument | PendingSignature:
        """Do the work of :meth:`sign` without wrappers and events."""
        level = request.level or self.config.signing.level
        if level in ("lt", "lta"):
            from kyso.signing.long_term import sign_for_long

            return sign_for_long(self, request, level)
        from kyso.signing.completion import finish

        prepared = self.prepare_here(request)
        try:
            key = self.key(request.key)
            if key.batch_limit is not None:
                outcome = self.submit([(request, prepared)])[0]
                if isinstance(outcome, FailedSignature):
                    raise KeyTrouble(outcome.code, **outcome.parameters)
                return outcome
            answer = key.sign([digest_to_sign(prepared.signature)], prepared.signature.scheme)
            if not isinstance(answer, Signed):
                raise InternalError("engine.unexpected_pending", name=request.key)
            return finish(
                prepared.signature,
                prepared.file,
                SignatureValue(answer.values[0]),
                request.out,
                overwrite=request.overwrite,
                authorities=self.timestamp_authorities(),
            )
        finally:
            prepared.file.discard()

    def submit(self, letters: Sequence[tuple[SignRequest, Prepared]]) -> list[Outcome]:
        """Send prepared letters of one key in one request that a person confirms once."""
        name = letters[0][0].key
        with self._waiting_room() as room:
            return room.submit(letters, self.key(name), name)

    @contextmanager
    def _waiting_room(self) -> Iterator[WaitingRoom]:
        from kyso.records.store import Records
        from kyso.signing.waiting import WaitingRoom, folder_of

        with Records.of(self.config, self.registry) as records:
            yield WaitingRoom(records, folder_of(self.config.records.url), self.timestamp_authorities())

    def prepare_here(self, request: SignRequest) -> Prepared:
        """Prepare one letter inside this process, its file beside the future output."""
        from kyso.update.files import refuse_output

        if request.out is None:
            return self._prepare(request, None)
        source = request.document if isinstance(request.document, Path) else None
        refuse_output(request.out, overwrite=request.overwrite, source=source)
        return self._prepare(request, request.out.parent)

    def prepare_for(self, request: SignRequest, key: Key) -> Prepared:
        """Prepare one letter, in memory, for a key that is opened elsewhere: of `key` only what is public is used."""
        from kyso.signing.preparation import prepare

        return prepare(request, key, self._signing_context())

    def worker_pool(self, names: set[str], workers: int) -> WorkerPool:
        """Return the pool of worker processes, with the keys `names` opened in each of them.

        :raises KeyTrouble: a key does not open.
        """
        from kyso.signing.batch import WorkerPool

        with self._lock:
            for name in names:
                self.key(name)
            if self._pool is not None and (self._pool.workers != workers or not names <= self._pool.keys):
                self.drop_worker_pool()
            if self._pool is None:
                self._pool = WorkerPool(self.config, self._ring.portable_secrets(), workers)
            return self._pool

    def drop_worker_pool(self) -> None:
        """Stop the worker processes; the next batch starts new ones."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def tell(self, request: SignRequest, outcome: Outcome) -> None:
        """Tell `record_event` about one letter."""
        hook = self.registry.hook.record_event
        if hook.get_hookimpls():
            hook(name=_EVENTS[type(outcome)], request=request, outcome=outcome)

    # ------------------------------------------------------------------------------------------------ private

    def _placed(self, letter: OpenLetter, request: SignRequest) -> tuple[Placement, Appearance | None]:
        from kyso.signing.keys import known_signer
        from kyso.signing.placing import draw, place, signing_time

        context = self._signing_context()
        opened = self._ring.opened(request.key)
        signer = known_signer(request.key, opened, self.config, self.registry, self._ring.access)
        placement = place(letter, request, signer, signing_time(request, context), context)
        return placement, draw(placement, context)

    def _prepare(self, request: SignRequest, folder: Path | None) -> Prepared:
        from kyso.signing.preparation import check_before_key, prepare

        context = self._signing_context()
        if self._ring.opened(request.key) is None:
            check_before_key(request, context)
        return prepare(request, self.key(request.key), context, folder)

    def _signing_context(self) -> SigningContext:
        if self._context is None:
            import platformdirs

            from kyso.signing.context import SigningContext

            self._context = SigningContext(
                registry=self.registry,
                config=self.config,
                online=self._online,
                fonts=self.config.font_choice(Path(platformdirs.user_cache_dir("kyso", appauthor=False))),
                now=self._now,
                judge_certificate=self._judge_certificate,
                verify=lambda source, password: self.verify(source, password=password),
            )
        return self._context

    def timestamp_authorities(self) -> TimestampAuthorities | None:
        """Return the configured timestamp authorities, ``None`` where there are none or the network is off."""
        if not self._online or not self.config.signing.tsa:
            return None
        if self._authorities is None:
            from kyso.extending.timestamp import TimestampAuthorities

            self._authorities = TimestampAuthorities(self.config.signing.tsa)
        return self._authorities

    def _judge_certificate(self, certificate: bytes, chain: tuple[bytes, ...]) -> tuple[Notice, ...]:
        from kyso.signing.judgement import judge

        now = self._now()
        known = self._judged.get(certificate)
        if known is None or not known[0] <= now < known[0] + _JUDGEMENT_HOLDS:
            found = judge(certificate, chain, self.config, now, online=self._online)
            known = self._judged[certificate] = (now, found)
        return known[1]


def digest_to_sign(prepared: PreparedSignature) -> DigestToSign:
    """Return what the key source is asked to sign for `prepared`."""
    from kyso.signing.completion import attributes_digest

    return DigestToSign(attributes_digest(prepared), prepared.digest, prepared.document_name, prepared.id)


def failure_of(request: SignRequest, error: KysoError) -> FailedSignature:
    """Turn an error into the outcome of one letter of many."""
    from kyso.signing.preparation import document_name

    return FailedSignature(document_name(request.document), error.code, error.parameters, error.exit_code)


class _SigningHook:
    """The engine's own implementation of `sign_document`, innermost of all wrappers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @hookimpl(trylast=True)
    def sign_document(self, request: SignRequest) -> SignedDocument | PendingSignature:
        """Sign one letter."""
        return self._engine.sign_now(request)
