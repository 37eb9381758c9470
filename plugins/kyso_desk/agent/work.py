"""The agent's worker processes: everything that opens what a page sent, before a person has agreed to anything.

They do what the desk's workers do (pages, places, verification) and judge signed XML and messages besides.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.plugin import InputRefused
from kyso_desk import work as desk_work
from kyso_desk.wording import told

if TYPE_CHECKING:
    from kyso.engine import Engine

    Answer = desk_work.Answer


def start(config_path: str | None, online: bool) -> Callable[[str, dict[str, Any], list[bytes]], Answer]:
    """Begin a worker."""
    from kyso.config import Config
    from kyso.engine import Engine

    of_the_desk = desk_work.start(config_path, online)
    engine = Engine.from_config(Config.load(None if config_path is None else Path(config_path)), online=online)
    own: dict[str, Callable[..., Answer]] = {"check_xml": _check_xml, "check_message": _check_message}

    def work(task: str, arguments: dict[str, Any], blobs: list[bytes]) -> Answer:
        if task in own:
            return own[task](engine, *blobs, **arguments)
        return of_the_desk(task, arguments, blobs)

    return work


def _check_xml(engine: Engine, data: bytes) -> Answer:
    """Judge a signed XML by the configured trust."""
    from datetime import UTC, datetime
    from importlib.util import find_spec

    from kyso.verification.distrust import distrust_of
    from kyso.verification.judgement import CertificateJudge
    from kyso.verification.settings import settings_from
    from kyso.verification.trust import load_trust

    if find_spec("signxml") is None:
        raise InputRefused("agent.xml_unavailable")
    from kyso_desk.agent.xml_signature import check_xml

    moment = datetime.now(UTC)
    settings = settings_from(engine.config, at=moment)
    store = load_trust(settings.trust, settings.crls)
    judge = CertificateJudge(store, moment, settings.revocation, None, distrust_of(settings))
    found = check_xml(data, judge)
    return {
        "verdict": found.verdict,
        "signer": found.signer,
        "covers": found.covers,
        "reasons": [told(reason.code, reason.parameters) for reason in found.reasons],
    }, ()


def _check_message(engine: Engine, content: bytes, signature: bytes, folder: str) -> Answer:
    """Judge a CMS beside its content; both are written into the server's own workspace for the verifier."""
    from kyso.reports.json import as_table

    stem = Path(folder) / f"message-{secrets.token_hex(8)}"
    beside = stem.with_suffix(".p7s")
    try:
        stem.write_bytes(content)
        beside.write_bytes(signature)
        table = as_table(engine.verify(beside, name="message"))
    finally:
        stem.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)
    table["file"]["path"] = None
    return {"report": table}, ()
