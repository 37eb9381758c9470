"""What a worker process does: everything that opens a letter. See `kyso.serving.pool`.

A letter arrives as octets, or, where it is large, as the path of a file in the service's own work folder; what is made
of it goes back the same way. Keys that are files are opened here, once; of every other key only the certificate is
known here, and the server's own process makes the signature value.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kyso.cli.answers import SCHEMA, told
from kyso.cli.output import in_both
from kyso.config import Config
from kyso.engine import Engine
from kyso.errors import InternalError
from kyso.frozen import dataclass
from kyso.models import DigestName, Pending, SchemeName, SignatureValue, Signed, SignedDocument, Source
from kyso.plugin import DigestToSign, InputRefused, KeyTrouble, RectMm, Secret, SignRequest
from kyso.serving.worker import Work
from kyso.signing.prepared_json import from_json, to_json

Answer = tuple[Mapping[str, Any], Sequence[bytes]]

ABSENT = "api-client"
"""What stands for the key's name where the caller holds the key; no configured key has it."""

_PREFIX = "kyso-api-"
_MOST_PICTURES = 32


@dataclass(frozen=True, slots=True)
class AbsentKey:
    """The public part of a key that is opened in another process or at another place."""

    certificate: bytes
    chain: tuple[bytes, ...]
    schemes: tuple[tuple[SchemeName, DigestName], ...]

    @property
    def batch_limit(self) -> int | None:
        """How it is confirmed is not this process's business."""
        return None

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Refuse. :raises KeyTrouble: always; the key is not here."""
        raise KeyTrouble("key.closed")

    def poll(self, ticket: str) -> Signed | Pending:
        """Refuse. :raises KeyTrouble: always; the key is not here."""
        raise KeyTrouble("key.closed")

    def close(self) -> None:
        """Do nothing: nothing is open."""


def start(config: Config, secrets: Mapping[str, str], online: bool, folder: str) -> Work:
    """Build the process's engine and open the keys that are files.

    :param secrets: their passwords by the keys' names.
    :param folder: for temporary files; the service removes it, whatever happens to this process.
    :raises KeyTrouble: a key does not open.
    """
    tempfile.tempdir = folder
    current = ""

    def ask(code: str, parameters: Mapping[str, object]) -> Secret:
        if current not in secrets:
            raise KeyTrouble("key.secret_missing", **parameters)
        return Secret(secrets[current])

    engine = Engine.from_config(config, ask_secret=ask, online=online)
    for name in secrets:
        current = name
        engine.key(name)
    current = ""
    return Bench(engine).work


class Bench:
    """The tasks of one worker process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pictures = _Pictures()
        self._tasks: dict[str, Callable[[dict[str, Any], list[bytes]], Answer]] = {
            "sign": self._sign,
            "prepare": self._prepare,
            "finish": self._finish,
            "verify": self._verify,
            "extend": self._extend,
            "preview": self._preview,
            "export": self._export,
        }

    def work(self, task: str, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        """Do one task."""
        return self._tasks[task](arguments, blobs)

    # ------------------------------------------------------------------------------------------------ signing

    def _sign(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        request = self._request(arguments, blobs)
        level = request.level or self._engine.config.signing.level
        if request.out is not None or level in ("b", "t"):
            return _signed(arguments, self._signed_letter(request))
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
            out = Path(folder) / "signed.pdf"
            outcome = self._signed_letter(replace(request, out=out))
            return _signed(arguments, replace(outcome, data=out.read_bytes(), path=None))

    def _signed_letter(self, request: SignRequest) -> SignedDocument:
        outcome = self._engine.sign(request)
        if not isinstance(outcome, SignedDocument):
            raise InternalError("engine.unexpected_pending", name=request.key)
        return outcome

    def _prepare(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        certificate, *chain = blobs[: arguments["certificates"]]
        request = self._request(arguments, blobs[arguments["certificates"] :])
        schemes = tuple((scheme, digest) for scheme, digest in arguments["schemes"])
        prepared = self._engine.prepare_for(request, AbsentKey(certificate, tuple(chain), schemes))
        try:
            signature = replace(prepared.signature, document_name=arguments["name"])
            described = {"prepared": to_json(signature), "told": _described(signature)}
            data = prepared.file.publish(request.out, overwrite=True)
            return described, [data] if isinstance(data, bytes) else []
        finally:
            prepared.file.discard()

    def _finish(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        from kyso.signing.completion import finish
        from kyso.update.files import PreparedFile
        from kyso.update.plan import Update

        value, *held = blobs
        signature = from_json(arguments["prepared"])
        out = Path(arguments["out"]) if arguments.get("out") else None
        if held:
            update = Update(data=b"", byte_range=signature.byte_range, field="", signature_number=0)
            file = PreparedFile.create(held[0], update, None)
        else:
            file = PreparedFile.reopen(Path(arguments["path"]), signature.byte_range, out.parent if out else None)
        try:
            authorities = self._engine.timestamp_authorities()
            signed = finish(signature, file, SignatureValue(value), out, overwrite=True, authorities=authorities)
        finally:
            file.discard()
        return _signed(arguments, signed)

    # ---------------------------------------------------------------------------------------------- the others

    def _verify(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        report = self._engine.verify(
            _document(arguments, blobs),
            at=_moment(arguments.get("at")),
            revocation=arguments.get("revocation"),
            name=arguments["name"],
            conformity=bool(arguments.get("conformity")),
        )
        # The path is the service's own, if there is one at all.
        report = replace(report, file=replace(report.file, path=None))
        rendered = self._engine.registry.report_format(arguments["format"]).render(report, arguments["language"])
        return {"verdict": report.verdict}, [rendered]

    def _extend(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        from kyso.extending.extension import extend_document
        from kyso.extending.online import EvidenceFetcher
        from kyso.extending.timestamp import check_wanted
        from kyso.verification.settings import settings_from

        engine, target = self._engine, arguments["level"]
        authorities = engine.timestamp_authorities()
        if target == "lta" and authorities is None:
            check_wanted(engine.config.signing.tsa, online=arguments["online"])
        allowed = engine.config.network.allow_private
        with (
            tempfile.TemporaryDirectory(prefix=_PREFIX) as folder,
            EvidenceFetcher.within(allow_private=allowed) as fetcher,
        ):
            source = _document(arguments, blobs)
            if isinstance(source, bytes):
                source = _written(source, Path(folder), arguments["name"])
            out = Path(arguments["out"]) if arguments.get("out") else Path(folder) / "extended.pdf"
            extended = extend_document(
                source,
                target,
                settings_from(engine.config),
                authorities,
                fetcher=fetcher if arguments["online"] else None,
                out=out,
                overwrite=True,
                best_effort=bool(arguments.get("best_effort")),
            )
            answer = {
                "schema": "kyso.extended/1",
                "document": arguments["name"],
                "level": extended.level,
                "level_asked": target,
                "size": extended.size,
                "original_size": extended.original_size,
                **{name: getattr(extended, name) for name in ("timestamps", "certificates", "crls", "ocsp")},
                "verdict": extended.report.verdict,
                "notices": [in_both(notice.code, notice.parameters) for notice in extended.notices],
            }
            return answer, [] if arguments.get("out") else [out.read_bytes()]

    def _preview(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        preview = self._engine.preview(self._request(arguments, blobs), dpi=arguments["dpi"])
        placement = preview.placement
        answer = {
            "policy": placement.policy,
            "page": placement.page,
            "rect_mm": None if placement.rect_mm is None else list(placement.rect_mm.as_tuple()),
            "field": placement.field,
            "boxes_mm": {name: list(box.as_tuple()) for name, box in preview.boxes_mm.items()},
            "notices": [in_both(notice.code, notice.parameters) for notice in placement.notices],
        }
        return answer, [preview.png]

    def _export(self, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        source = _document(arguments, blobs)
        data = source if isinstance(source, bytes) else source.read_bytes()
        exporter = self._engine.registry.load("exporters", arguments["exporter"])
        return {}, [exporter.export(data, arguments["options"])]

    def _request(self, arguments: dict[str, Any], blobs: list[bytes]) -> SignRequest:
        """Build the request from the task's arguments."""
        wishes: dict[str, Any] = dict(arguments["wishes"])
        if wishes.get("rect_mm") is not None:
            wishes["rect_mm"] = RectMm(*wishes["rect_mm"])
        if wishes.get("signed_at") is not None:
            wishes["signed_at"] = _moment(wishes["signed_at"])
        document: Source = _document(arguments, blobs)
        if arguments.get("image"):
            wishes["image"] = self._pictures.path_of(blobs[-1], arguments["image"])
        out = Path(arguments["out"]) if arguments.get("out") else None
        return SignRequest(document, key=arguments["key"], out=out, overwrite=True, **wishes)


class _Pictures:
    """The pictures that came with requests, by their content: the same one again is prepared already."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._known: OrderedDict[str, Path] = OrderedDict()

    def path_of(self, data: bytes, kind: str) -> Path:
        """Return the file that holds `data`."""
        name = f"{hashlib.sha256(data).hexdigest()}.{kind}"
        if name not in self._known:
            self._known[name] = _written(data, Path(self._folder.name), name)
        self._known.move_to_end(name)
        while len(self._known) > _MOST_PICTURES:
            self._known.popitem(last=False)[1].unlink(missing_ok=True)
        return self._known[name]


def _document(arguments: dict[str, Any], blobs: list[bytes]) -> Source:
    """Return the letter: the file of the work folder that is named, else the first blob."""
    return Path(arguments["path"]) if arguments.get("path") else blobs[0]


def _written(data: bytes, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise InputRefused("api.time_without_zone", value=value)
    return moment


def _signed(arguments: dict[str, Any], outcome: SignedDocument) -> Answer:
    answer = {"schema": SCHEMA, **told(arguments["name"], outcome)}
    answer.pop("out", None)
    return answer, [] if outcome.data is None else [outcome.data]


def _described(signature: Any) -> dict[str, Any]:
    """Return what a caller is told of a preparation."""
    return {
        "document": signature.document_name,
        "digest_algorithm": signature.digest,
        "scheme": signature.scheme,
        "level": signature.level,
        "policy": signature.policy,
        "field": signature.field,
        "page": signature.page,
        "rect_mm": None if signature.rect_mm is None else [round(part, 3) for part in signature.rect_mm.as_tuple()],
        "signed_at": signature.signed_at.isoformat(),
        "notices": [in_both(notice.code, notice.parameters) for notice in signature.notices],
    }
