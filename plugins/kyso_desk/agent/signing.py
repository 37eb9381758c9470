"""The operations that sign letters: fetch, show, sign what the person approved, deliver, answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.models import FailedSignature, SignedDocument
from kyso.plugin import InputRefused, KeyTrouble, KysoError, RemoteFailed, WrongUse
from kyso.serving.problems import ToldProblem
from kyso_desk.agent.confirmation import Cancelled, Confirmation, Decision
from kyso_desk.agent.contract import AskedFile, PageAnswer, PageRequest
from kyso_desk.agent.letters import DATE_PATTERN, AgentLetter, LetterDesk, keep
from kyso_desk.agent.transfer import UploadAnswerWrong, signed_name
from kyso_desk.wording import told, told_error
from kyso_desk.workspace import safe_name

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso_desk.agent.keywork import KeyWork
    from kyso_desk.agent.service import AgentService, Windowed


class LetterRun:
    """One request to sign letters.

    :param folder: of this request alone.
    """

    def __init__(
        self, service: AgentService, origin: str, request: PageRequest, windowed: Windowed, folder: Path
    ) -> None:
        self._service = service
        self._origin = origin
        self._request = request
        self._windowed = windowed
        self._folder = folder
        self._letters: list[AgentLetter] = []
        self._upload_answer_wrong = False

    async def answer(self) -> PageAnswer:
        """Do it all, and return what the page is told.

        :raises Cancelled: the person said no before anything was signed.
        :raises KysoError: nothing could be signed.
        """
        desk = LetterDesk(self._request, self._service.config, self._service.registry, self._service.pool)
        if not desk.keys:
            raise KeyTrouble("agent.no_keys")
        await self._service.consent.page(self._origin, (), self._windowed, self._request)
        confirmation = self._windowed.confirmation()
        await self._collect(confirmation, desk)
        confirmation.letters = self._letters
        await self._approve_and_sign(confirmation, desk)
        await self._deliver(confirmation)
        return self._told(confirmation)

    # ---------------------------------------------------------------------------------------------------- fetching

    async def _collect(self, confirmation: Confirmation, desk: LetterDesk) -> None:
        for number, asked in enumerate(self._request.files):
            confirmation.show("fetching", done=number, total=len(self._request.files))
            folder = self._folder / str(number)
            folder.mkdir(mode=0o700)
            letter = await (self._fetched(asked, folder) if asked.url else self._chosen(confirmation, asked, folder))
            self._letters.append(letter)
            if letter.is_pdf:
                await desk.describe(letter)
            elif self._request.operation.name not in ("SignFile", "SignFiles"):
                raise InputRefused("agent.no_pdf", name=letter.name)
            else:
                from kyso_desk.agent.messages import refuse_attributes

                refuse_attributes(letter.path.read_bytes(), letter.name)

    async def _fetched(self, asked: AskedFile, folder: Path) -> AgentLetter:
        request = self._request
        fetched = await self._service.consent.moved(
            self._origin,
            asked.url,
            self._windowed,
            lambda permission: self._service.transfer(permission).fetch(asked.url, request, asked.name),
        )
        return keep(asked, fetched.name, fetched.data, folder)

    async def _chosen(self, confirmation: Confirmation, asked: AskedFile, folder: Path) -> AgentLetter:
        """Let the person choose the letter, where the page names none."""
        confirmation.upload = None
        await confirmation.ask("choose", ("chosen",))
        upload = confirmation.upload
        if upload is None or not upload.data:
            raise InputRefused("agent.content_empty", name="PDF")
        confirmation.upload = None
        return keep(asked, safe_name(upload.name), upload.data, folder)

    # ----------------------------------------------------------------------------------------------------- signing

    async def _approve_and_sign(self, confirmation: Confirmation, desk: LetterDesk) -> None:
        error: Mapping[str, Any] | None = None
        placed_for: object = None
        while True:
            choice = self._choice(desk)
            if placed_for != choice:
                for letter in self._letters:
                    if letter.is_pdf:
                        await desk.place(letter)
                placed_for = choice
            decision = await self._ask(confirmation, desk, error)
            error = None
            try:
                desk.choose(decision.values)
                desk.move(self._letters, decision.values)
            except WrongUse as wrong:
                error = told_error(wrong)
                continue
            if decision.action == "change" or self._choice(desk) != placed_for:
                # What is approved is what was shown: a change made with the approval is shown first.
                continue
            error = await self._sign(confirmation, desk, decision)
            if error is None:
                return

    def _choice(self, desk: LetterDesk) -> object:
        """Return everything that decides where the signatures go and what they show."""
        return desk.key, dict(desk.values), [letter.by_hand for letter in self._letters]

    async def _ask(self, confirmation: Confirmation, desk: LetterDesk, error: Mapping[str, Any] | None) -> Decision:
        return await confirmation.ask(
            "sign",
            ("approve", "change"),
            letters=self._tables(),
            keys=desk.keys,
            key=desk.key,
            settings=desk.settings_table(),
            deliver_to=self._request.upload_url.partition("?")[0][:200],
            error=error,
        )

    async def _sign(self, confirmation: Confirmation, desk: LetterDesk, decision: Decision) -> Mapping[str, Any] | None:
        """Sign; return what went wrong where the person may try again."""
        letters = [letter for letter in self._letters if letter.problem is None and letter.signed is None]
        if not letters:
            return told("agent.nothing_to_sign")
        work = self._service.work(confirmation, decision.secret)
        try:
            await work.run(lambda engine, working: self._sign_in_thread(engine, working, desk, letters))
        except ToldProblem as problem:
            return problem.document
        except KysoError as trouble:
            return told_error(trouble)
        failed = [letter for letter in letters if letter.signed is None]
        if len(letters) == 1 and failed:
            error, failed[0].error = failed[0].error, None
            return error
        return None

    def _sign_in_thread(self, engine: Engine, work: KeyWork, desk: LetterDesk, letters: list[AgentLetter]) -> None:
        suffix = self._service.profile.delivery.suffix
        pdfs = [letter for letter in letters if letter.is_pdf]
        requests = []
        for number, letter in enumerate(pdfs):
            letter.signed_name = signed_name(letter.name, suffix)
            target = self._folder / f"signed-{number}"
            target.mkdir(mode=0o700, exist_ok=True)
            requests.append(desk.sign_request(letter, target / letter.signed_name))
        outcomes = work.sign_letters(engine, requests) if requests else []
        for letter, request, outcome in zip(pdfs, requests, outcomes, strict=True):
            if isinstance(outcome, SignedDocument):
                assert request.out is not None
                letter.signed = request.out.read_bytes()
            elif isinstance(outcome, FailedSignature):
                letter.error = told(outcome.code, outcome.parameters)
        for letter in letters:
            if not letter.is_pdf:
                self._sign_beside(engine, work, desk, letter)

    def _sign_beside(self, engine: Engine, work: KeyWork, desk: LetterDesk, letter: AgentLetter) -> None:
        """Sign a file of another kind: the signature goes into a file of its own."""
        from kyso_desk.agent.messages import sign_message

        letter.signed_name = f"{letter.name}.p7s"
        try:
            letter.signed = sign_message(engine, work, desk.key, letter.path.read_bytes(), letter.name)
        except InputRefused as refused:
            letter.error = told_error(refused)

    # -------------------------------------------------------------------------------------------------- delivering

    async def _deliver(self, confirmation: Confirmation) -> None:
        """Deliver what was signed. A PIN was spent on it: what cannot be delivered can be tried again, or saved."""
        if not self._request.upload_url:
            return
        while True:
            waiting = [letter for letter in self._letters if letter.signed is not None and letter.delivered is None]
            for number, letter in enumerate(waiting):
                confirmation.show("delivering", done=number, total=len(waiting))
                await self._deliver_one(letter)
            failed = [letter for letter in waiting if letter.delivered is None]
            if not failed:
                return
            try:
                await confirmation.ask(
                    "undelivered", ("retry",), letters=self._tables(), error=failed[0].error, signed=True
                )
            except Cancelled:
                return

    async def _deliver_one(self, letter: AgentLetter) -> None:
        assert letter.signed is not None
        data, request = letter.signed, self._request
        try:
            letter.delivered = await self._service.consent.moved(
                self._origin,
                request.upload_url,
                self._windowed,
                lambda permission: self._service.transfer(permission).deliver(letter.signed_name, data, request),
            )
            letter.error = None
        except Cancelled:
            letter.error = told("agent.cancelled")
        except UploadAnswerWrong as wrong:
            self._upload_answer_wrong = True
            letter.error = told_error(wrong)
        except (RemoteFailed, InputRefused) as failed:
            letter.error = told_error(failed)

    # --------------------------------------------------------------------------------------------------- answering

    def _told(self, confirmation: Confirmation) -> PageAnswer:
        needs_delivery = bool(self._request.upload_url)
        good = [
            letter
            for letter in self._letters
            if letter.signed is not None and (letter.delivered is not None or not needs_delivery)
        ]
        confirmation.end("done" if good else "failed", letters=self._tables(), error=_first_error(self._letters))
        entries: dict[str, Any] = {
            "DocumentNumber": self._request.number,
            "DocumentDate": self._request.issued.strftime(DATE_PATTERN) if self._request.issued else "",
        }
        if self._request.operation.kind == "letters":
            entries["Files"] = [self._entry(letter) for letter in self._letters]
        else:
            entries = {**self._entry(self._letters[0]), **entries}
            entries = {name: value for name, value in entries.items() if name not in ("FileID", "Status", "Message")}
        if good:
            return PageAnswer("done", _handler_words(good), entries)
        wrong = self._upload_answer_wrong
        error = _first_error(self._letters) or told("agent.nothing_to_sign")
        return PageAnswer("upload_answer" if wrong else "failed", error[f"message_{self._service.language}"], entries)

    def _entry(self, letter: AgentLetter) -> dict[str, Any]:
        status = self._service.profile.status
        good = letter.signed is not None and (letter.delivered is not None or not self._request.upload_url)
        words = letter.error or letter.problem
        told_to_page = words[f"message_{self._service.language}"] if words and not good else ""
        return {
            "FileID": letter.asked.identifier,
            "FileName": letter.delivered.name if letter.delivered else letter.signed_name,
            "FileServer": letter.delivered.server_path if letter.delivered else "",
            "Status": status["done"] if good else status["failed"],
            "Message": told_to_page,
        }

    def _tables(self) -> list[dict[str, Any]]:
        return [letter.table(number) for number, letter in enumerate(self._letters)]


def _first_error(letters: list[AgentLetter]) -> Mapping[str, Any] | None:
    return next((each for letter in letters for each in (letter.error, letter.problem) if each is not None), None)


def _handler_words(letters: list[AgentLetter]) -> str:
    """Return what the upload handler said, as the page's own system means it for its users."""
    return next((letter.delivered.message for letter in letters if letter.delivered is not None), "")
