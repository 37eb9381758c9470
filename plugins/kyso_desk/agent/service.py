"""One request of a page, from its first word to its answer.

The order is what protects the person: who asks is known before anything is read, permission comes before anything is
fetched, everything is shown before a key is opened, and what could be refused was refused before a PIN was typed.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kyso.fetch import FetchFailed
from kyso.plugin import (
    ConfigWrong,
    InputRefused,
    KeyTrouble,
    KysoError,
    Secret,
    WrongUse,
)
from kyso.serving.problems import ToldProblem
from kyso.text import Language, message
from kyso_desk.agent.confirmation import Cancelled, Confirmation, Confirmations
from kyso_desk.agent.consent import Consent
from kyso_desk.agent.contract import PageAnswer, PageRequest, operation_of, read_request
from kyso_desk.agent.keywork import POLL_S, KeyWork
from kyso_desk.agent.letters import AgentLetter, asked_of, offered_keys
from kyso_desk.agent.origins import OriginStore
from kyso_desk.agent.profile import AgentProfile, Outcome
from kyso_desk.agent.signing import LetterRun
from kyso_desk.agent.transfer import Transfer, TransferLimits, UploadAnswerWrong, check_uploadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.config import Config
    from kyso.engine import Engine
    from kyso.plugins import PluginRegistry
    from kyso.serving.pool import WorkerPool

_PICTURE_S: Final = 30.0
_VERIFY_S: Final = 60.0
_CHECK_S: Final = 20.0
_SHOWN_TEXT: Final = 20_000
_PRIVATE_CODES: Final = ("agent.store_unreadable", "agent.leaf_missing", "agent.leaf_unreadable")


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """How this agent works.

    :param decision_s: seconds that the person has for each question.
    :param poll_s: seconds between two questions to a remote signing service.
    """

    limits: TransferLimits
    decision_s: float = 600.0
    poll_s: float = POLL_S


@dataclass(slots=True)
class Windowed:
    """The window of one request; it opens when it is first needed.

    :param origin: the page that asks.
    """

    service: AgentService
    origin: str
    operation: str
    opened: Confirmation | None = None

    def confirmation(self) -> Confirmation:
        """Return the window, opening it first.

        :raises InputRefused: there are too many, or the origin has one already.
        """
        if self.opened is None:
            terms = self.service.terms
            self.opened = self.service.confirmations.begin(self.origin, self.operation, deadline_s=terms.decision_s)
            self.service.open_window(self.opened)
        return self.opened


class AgentService:
    """Answers the requests of pages. Belongs to the event loop of the agent.

    :param workspace: where letters are kept while they are worked on.
    :param open_window: opens a confirmation's window in the person's browser.
    """

    def __init__(
        self,
        config: Config,
        registry: PluginRegistry,
        pool: WorkerPool,
        store: OriginStore,
        profile: AgentProfile,
        terms: ServiceTerms,
        workspace: Path,
        *,
        online: bool,
        language: Language,
        open_window: Callable[[Confirmation], None],
    ) -> None:
        self.config = config
        self.registry = registry
        self.pool = pool
        self.store = store
        self.profile = profile
        self.terms = terms
        self.workspace = workspace
        self.online = online
        self.language: Language = language
        self.open_window = open_window
        self.confirmations = Confirmations()
        self.consent = Consent(store)
        self._certificates: dict[str, bytes] = {}

    async def answer(self, origin: str, path: str, text: str | bytes, windowed: Windowed) -> PageAnswer:
        """Answer one request. Never raises for anything that a page can cause.

        :param origin: of the page, as :func:`~kyso_desk.agent.origins.page_origin` returned it.
        """
        try:
            operation = operation_of(path, self.profile)
            request = read_request(operation, text, self.profile)
            answered: PageAnswer = await _HANDLERS[operation.kind](self, origin, request, windowed)
            return answered
        except Cancelled:
            if windowed.opened is not None:
                windowed.opened.end("cancelled")
            return PageAnswer("cancelled", message("agent.cancelled", self.language))
        except ToldProblem as problem:
            if windowed.opened is not None:
                windowed.opened.end("failed", error=problem.document)
            return PageAnswer("failed", str(problem.document.get(f"message_{self.language}", "")))
        except KysoError as error:
            if windowed.opened is not None:
                windowed.opened.fail(error)
            return PageAnswer(_outcome_of(error), self._for_page(error))
        finally:
            if windowed.opened is not None:
                self.confirmations.finish(windowed.opened)

    def _for_page(self, error: KysoError) -> str:
        """Return an error's words for a page: what is wrong with keys and settings of this machine is no page's."""
        if isinstance(error, (KeyTrouble, ConfigWrong)) or error.exit_code == 70 or error.code in _PRIVATE_CODES:
            return message("agent.failed_here", self.language, {"code": error.code})
        return error.message(self.language)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a folder of the user's own for one request, and sweep it at the end."""
        folder = Path(tempfile.mkdtemp(dir=self.workspace))  # mkdtemp makes it 0700
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # -------------------------------------------------------------------------------------------------- operations

    async def _version(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        return PageAnswer("done", "", {"Version": self.profile.contract_version})

    async def _certificate(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        permission = await self.consent.page(origin, (), windowed)
        known = self._certificates.get(origin)
        if known is None or not permission.certificate:
            confirmation = windowed.confirmation()
            keys = self._keys(request)
            decision = await confirmation.ask("certificate", ("allow",), keys=keys, key=keys[0]["name"])
            name = decision.values.get("key", keys[0]["name"])
            if name not in self.config.keys:
                raise WrongUse("agent.key_unknown", name=name)
            work = self._work(confirmation, decision.secret)
            known = await work.run(lambda engine, _: engine.certificate(name))
            self.store.permit(origin, certificate=True)
            self._certificates[origin] = known
            confirmation.end("told")
        from kyso_desk.agent.certificates import certificate_table

        return PageAnswer("done", "", {"CertInfo": certificate_table(known, self.profile)})

    async def _letters(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        check_uploadable(request)
        with self.folder() as folder:
            run = LetterRun(self, origin, request, windowed, folder)
            return await run.answer()

    async def _message(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        from kyso_desk.agent.messages import refuse_attributes, sign_message

        refuse_attributes(request.content, request.operation.name)
        await self.consent.page(origin, (), windowed)
        content, name = request.content, request.operation.name
        signature = await self._sign_content(
            windowed, request, lambda engine, work, key: sign_message(engine, work, key, content, name)
        )
        return PageAnswer("done", "", {"Signature": base64.b64encode(signature).decode("ascii")})

    async def _xml(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        _need_xml()
        from kyso_desk.agent.contract import is_true
        from kyso_desk.agent.xml_signature import parse_xml, sign_xml

        await asyncio.to_thread(parse_xml, request.content)
        await self.consent.page(origin, (), windowed)
        content = request.content
        xades = not is_true(request.options.get("XmlDsigForm", "true"))
        signed = await self._sign_content(
            windowed, request, lambda engine, work, key: sign_xml(engine, work, key, content, xades=xades)
        )
        entries = {"Signature": signed.signature.decode("utf-8")}
        if not is_true(request.options.get("ReturnSignatureOnly", "false")):
            entries["Base64Content"] = base64.b64encode(signed.document).decode("ascii")
        return PageAnswer("done", "", entries)

    async def _check_message(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        await self.consent.page(origin, (), windowed)
        with self.folder() as folder:
            answer, _ = await asked_of(
                self.pool,
                "check_message",
                {"folder": str(folder)},
                (request.content, request.signature),
                deadline_s=_CHECK_S,
            )
        return self._verdict(answer["report"]["verdict"], {"Report": answer["report"]})

    async def _check_xml(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        await self.consent.page(origin, (), windowed)
        answer, _ = await asked_of(self.pool, "check_xml", {}, (request.content,), deadline_s=_CHECK_S)
        reasons = [reason[f"message_{self.language}"] for reason in answer["reasons"]]
        entries = {"Signer": answer["signer"], "Covers": answer["covers"], "Reasons": reasons}
        return self._verdict(answer["verdict"], entries)

    async def _check_letter(self, origin: str, request: PageRequest, windowed: Windowed) -> PageAnswer:
        from kyso_desk.agent.contract import AskedFile
        from kyso_desk.agent.letters import keep

        asked: AskedFile = request.files[0]
        if not asked.url:
            raise InputRefused("agent.entry_wrong", name="FileName")
        await self.consent.page(origin, (), windowed, request)
        with self.folder() as folder:
            fetched = await self.consent.moved(
                origin, asked.url, windowed, lambda permission: self.transfer(permission).fetch(asked.url, request)
            )
            letter = keep(asked, fetched.name, fetched.data, folder)
            arguments = {"path": str(letter.path), "name": letter.name}
            answer, _ = await asked_of(self.pool, "verify", arguments, deadline_s=_VERIFY_S)
        confirmation = windowed.confirmation()
        confirmation.end("verdict", report=answer["report"], words=answer["words"], name=letter.name)
        return self._verdict(answer["report"]["verdict"], {"Report": answer["report"], "FileName": letter.name})

    # ------------------------------------------------------------------------------------------------------ shared

    async def _sign_content(
        self, windowed: Windowed, request: PageRequest, sign: Callable[[Engine, KeyWork, str], Any]
    ) -> Any:
        """Show what is to be signed, and sign it with the key that the person chooses."""
        confirmation = windowed.confirmation()
        keys = self._keys(request)
        key, error = keys[0]["name"], None
        while True:
            decision = await confirmation.ask(
                "content", ("approve",), keys=keys, key=key, content=shown_content(request.content), error=error
            )
            key = decision.values.get("key", key)
            if key not in self.config.keys:
                raise WrongUse("agent.key_unknown", name=key)
            work = self._work(confirmation, decision.secret)
            try:
                signed = await work.run(partial(_signed_with, sign, key))
            except KeyTrouble as trouble:
                from kyso_desk.wording import told_error

                error = told_error(trouble)
                continue
            confirmation.end("done", letters=[])
            return signed

    def _keys(self, request: PageRequest) -> list[dict[str, Any]]:
        keys = offered_keys(self.config, request.operation)
        if not keys:
            raise KeyTrouble("agent.no_keys")
        return keys

    def _work(self, confirmation: Confirmation, secret: Secret | None) -> KeyWork:
        return KeyWork(self.config, confirmation, online=self.online, secret=secret, poll_s=self.terms.poll_s)

    def work(self, confirmation: Confirmation, secret: Secret | None) -> KeyWork:
        """Return a piece of work with a key, for the letters."""
        return self._work(confirmation, secret)

    def transfer(self, permission: Any) -> Transfer:
        """Return what fetches and delivers for one origin."""
        return Transfer(permission, self.terms.limits, self.profile.delivery)

    def _verdict(self, verdict: str, entries: Mapping[str, Any]) -> PageAnswer:
        words = message(f"agent.verdict.{verdict}", self.language)
        return PageAnswer("done" if verdict == "valid" else "failed", words, {"Verdict": verdict, **entries})

    async def page_picture(self, letter: AgentLetter, page: int, width_px: int) -> bytes:
        """Return a page of a letter as PNG or JPEG.

        :raises ToldProblem: it cannot be drawn.
        """
        arguments = {"path": str(letter.path), "page": page, "width_px": width_px}
        _, blobs = await asked_of(self.pool, "picture", arguments, deadline_s=_PICTURE_S)
        return blobs[0]


def _outcome_of(error: KysoError) -> Outcome:
    if isinstance(error, UploadAnswerWrong):
        return "upload_answer"
    if error.code == "agent.operation_unknown" or error.code == "agent.xml_unavailable":
        return "unsupported"
    if error.code in ("agent.busy", "agent.busy_origin"):
        return "busy"
    if error.code == "agent.origin_refused":
        return "refused"
    if isinstance(error, FetchFailed) and error.code in ("fetch.origin_refused", "fetch.address_refused"):
        return "refused"
    return "wrong_request" if error.code.startswith("agent.") and isinstance(error, InputRefused) else "failed"


def _signed_with(sign: Callable[[Engine, KeyWork, str], Any], key: str, engine: Engine, work: KeyWork) -> Any:
    return sign(engine, work, key)


def _need_xml() -> None:
    from importlib.util import find_spec

    if find_spec("lxml") is None or find_spec("signxml") is None:
        raise InputRefused("agent.xml_unavailable")


def shown_content(content: bytes) -> dict[str, Any]:
    """Return what a person can see of octets: the text where it is one, else the beginning in hexadecimal."""
    import hashlib

    from kyso.text import shown

    try:
        text = content.decode("utf-8")
        printable = all(character.isprintable() or character in "\r\n\t" for character in text)
    except UnicodeDecodeError:
        text, printable = "", False
    shown_text = shown(text[:_SHOWN_TEXT]) if printable else content[:512].hex(" ")
    return {
        "text": shown_text,
        "is_text": printable,
        "cut": len(text) > _SHOWN_TEXT if printable else len(content) > 512,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


_HANDLERS: Mapping[str, Any] = {
    "version": AgentService._version,
    "certificate": AgentService._certificate,
    "letter": AgentService._letters,
    "letters": AgentService._letters,
    "message": AgentService._message,
    "challenge": AgentService._message,
    "check_message": AgentService._check_message,
    "xml": AgentService._xml,
    "check_xml": AgentService._check_xml,
    "check_letter": AgentService._check_letter,
}
