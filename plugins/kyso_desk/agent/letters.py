"""The letters of one request: fetched, looked at, placed, signed and delivered, one after the other in this order.

What is signed is the very file that was shown: it is fetched once, kept in a folder of the user's own, and nobody but
this process writes there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.models import SignRequest
from kyso.plugin import RectMm, WrongUse
from kyso.serving.problems import ToldProblem, problem_of
from kyso_desk.agent.contract import AskedFile, PageRequest
from kyso_desk.agent.profile import Operation
from kyso_desk.agent.transfer import Delivered
from kyso_desk.wording import told_error

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Setting
    from kyso.plugins import PluginRegistry
    from kyso.serving.pool import WorkerPool

_DESCRIBE_S = 20.0
_PLACE_S = 30.0
_HEADER_WINDOW = 1024
_LEAST_SIDE_MM = 3.0
DATE_PATTERN = "%d/%m/%Y"
DEFAULTS: Mapping[str, str] = {"copy_form": "SAO Y"}
"""What the window proposes where neither the page nor the policy says anything."""


@dataclass(slots=True)
class AgentLetter:
    """One letter of a request.

    :param name: as people know it.
    :param is_pdf: whether it is signed inside; anything else gets a signature file of its own.
    :param pages: width and height of each page in mm.
    :param by_hand: page and rectangle in millimetres that the person drew; ``None`` lets the policy find the place.
    :param place: where the signature goes, as the worker told it.
    :param stamp: the stamp alone as PNG.
    :param problem: why it cannot be signed as things stand, in both languages.
    :param signed: the signed letter.
    :param error: why it was not signed or not delivered.
    """

    asked: AskedFile
    name: str
    path: Path
    is_pdf: bool = True
    pages: tuple[tuple[float, float], ...] = ()
    signatures: int = 0
    by_hand: tuple[int, RectMm] | None = None
    place: Mapping[str, Any] | None = None
    stamp: bytes | None = None
    problem: Mapping[str, Any] | None = None
    signed: bytes | None = None
    signed_name: str = ""
    delivered: Delivered | None = None
    error: Mapping[str, Any] | None = None

    def table(self, number: int) -> dict[str, Any]:
        """Return what the window shows of it."""
        return {
            "number": number,
            "name": self.name,
            "is_pdf": self.is_pdf,
            "pages": self.pages,
            "signatures": self.signatures,
            "place": self.place,
            "by_hand": self.by_hand is not None,
            "has_stamp": self.stamp is not None,
            "problem": self.problem,
            "error": self.error,
            "signed": self.signed is not None,
            "signed_name": self.signed_name,
            "delivered": self.delivered is not None,
        }


def keep(asked: AskedFile, name: str, data: bytes, folder: Path) -> AgentLetter:
    """Put a letter into the request's folder."""
    path = folder / name
    path.write_bytes(data)
    return AgentLetter(asked, name, path, is_pdf=b"%PDF-" in data[:_HEADER_WINDOW])


class LetterDesk:
    """What may be chosen for the letters of one request, and what follows from the choice.

    :param request: the page's own wishes: number, date.
    """

    def __init__(self, request: PageRequest, config: Config, registry: PluginRegistry, pool: WorkerPool) -> None:
        self._operation: Operation = request.operation
        self._request = request
        self._config = config
        self._pool = pool
        policy = request.operation.policy
        declared: tuple[Setting, ...] = ()
        if policy is not None and policy in registry.contributions("placement_policies"):
            declared = registry.contribution("placement_policies", policy).settings
        self._settings = tuple(setting for setting in declared if setting.name in request.operation.asked)
        self.keys = offered_keys(config, request.operation)
        self.key = self.keys[0]["name"] if self.keys else ""
        self.values = {
            setting.name: self._first_value(setting) for setting in self._settings if self._first_value(setting)
        }

    def _first_value(self, setting: Setting) -> str:
        if setting.name == "number":
            return self._request.number
        if setting.name == "date" and self._request.issued is not None:
            return self._request.issued.strftime(DATE_PATTERN)
        return DEFAULTS.get(setting.name, "")

    def choose(self, values: Mapping[str, str]) -> None:
        """Take what the person filled in: ``key``, and the settings as ``set.NAME``.

        :raises WrongUse: there is no such key.
        """
        key = values.get("key", self.key)
        if key not in {each["name"] for each in self.keys}:
            raise WrongUse("agent.key_unknown", name=key)
        self.key = key
        for setting in self._settings:
            given = values.get(f"set.{setting.name}")
            if given is None:
                continue
            if given.strip():
                self.values[setting.name] = given.strip()
            else:
                self.values.pop(setting.name, None)

    def move(self, letters: Sequence[AgentLetter], values: Mapping[str, str]) -> None:
        """Take the place that the person drew (``place``: letter, page, left, top, width, height), or let go of it.

        :raises WrongUse: it is no place on a page of the letter.
        """
        given = values.get("place")
        if given is None:
            return
        try:
            number, page, *sides = given.split(",")
            letter = letters[int(number)] if int(number) >= 0 else None
            if letter is None:
                raise ValueError(number)
            if not sides:
                letter.by_hand = None
                return
            left, top, width, height = (round(float(side), 2) for side in sides)
            page_width, page_height = letter.pages[int(page) - 1] if int(page) > 0 else (0.0, 0.0)
            inside = left >= 0 and top >= 0 and left + width <= page_width and top + height <= page_height
            if not inside or width < _LEAST_SIDE_MM or height < _LEAST_SIDE_MM:
                raise ValueError(given)
        except (ValueError, IndexError) as cause:
            raise WrongUse("agent.place_wrong") from cause
        letter.by_hand = (int(page), RectMm(left, top, width, height))

    def settings_table(self) -> list[dict[str, Any]]:
        """Return the settings for the window."""
        return [
            {
                "name": setting.name,
                "kind": setting.kind,
                "label_vi": setting.summary.vi,
                "label_en": setting.summary.en,
                "value": self.values.get(setting.name, ""),
                "choices": setting.choices,
                "required": setting.required,
            }
            for setting in self._settings
        ]

    async def describe(self, letter: AgentLetter) -> None:
        """Read pages and signatures of a PDF.

        :raises ToldProblem: it cannot be used.
        """
        answer = await self._ask("describe", {"path": str(letter.path)}, _DESCRIBE_S)
        letter.pages = tuple((page[0], page[1]) for page in answer[0]["pages"])
        letter.signatures = answer[0]["signatures"]

    async def place(self, letter: AgentLetter) -> None:
        """Find the place of the signature; what forbids it becomes the letter's problem."""
        letter.place, letter.stamp, letter.problem = None, None, None
        request = {
            "document": str(letter.path),
            "key": self.key,
            "policy": self._operation.policy,
            "settings": self.values,
        }
        if letter.by_hand is not None:
            request |= {"page": letter.by_hand[0], "rect_mm": letter.by_hand[1].as_tuple()}
        try:
            answer, blobs = await self._ask("place", request, _PLACE_S)
        except ToldProblem as problem:
            letter.problem = problem.document
            return
        letter.place = answer
        letter.stamp = blobs[0] if blobs else None

    def sign_request(self, letter: AgentLetter, out: Path) -> SignRequest:
        """Return the request that signs a letter as it was shown."""
        page, rect = letter.by_hand or (None, None)
        return SignRequest(
            letter.path,
            key=self.key,
            policy=self._operation.policy,
            out=out,
            settings=dict(self.values),
            page=page,
            rect_mm=rect,
        )

    async def _ask(
        self, task: str, arguments: Mapping[str, Any], deadline_s: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        return await asked_of(self._pool, task, arguments, deadline_s=deadline_s)


async def asked_of(
    pool: WorkerPool, task: str, arguments: Mapping[str, Any], blobs: tuple[bytes, ...] = (), *, deadline_s: float
) -> tuple[dict[str, Any], list[bytes]]:
    """Have a worker do something.

    :raises ToldProblem: it refused, took too long, or was lost; in both languages.
    """
    from kyso.errors import KysoError

    try:
        answer, attached = await pool.run(task, arguments, blobs, deadline_s=deadline_s)
    except KysoError as error:
        raise ToldProblem({**problem_of(error), **told_error(error)}) from error
    if "refused" in answer:
        raise ToldProblem(answer["refused"])
    return answer, attached


def offered_keys(config: Config, operation: Operation) -> list[dict[str, Any]]:
    """Return the configured keys, those of the operation's roles first; names and kinds, never their addresses."""
    order = {role: position for position, role in enumerate(operation.roles)}
    names = sorted(config.keys, key=lambda name: order.get(config.keys[name].role or "", len(order)))
    kinds = {"pfx": "file", "pkcs11": "token"}
    return [
        {
            "name": name,
            "role": config.keys[name].role,
            "title": config.keys[name].title or "",
            "kind": kinds.get(config.keys[name].uri.partition(":")[0], "remote"),
        }
        for name in names
    ]
