"""``kyso extend``: validation data and archive timestamps for a signed letter (JSON schema ``kyso.extended/1``).

::

    schema        "kyso.extended/1"
    document, out
    level_asked, level         lt | lta; the level reached: b | t | lt | lta
    size, original_size
    timestamps, certificates, crls, ocsp      how many were added
    notices[]     {code, message_vi, message_en}
    report        kyso.report/1 of the result, by what it holds itself
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse
from kyso.text import Phrase

if TYPE_CHECKING:
    from kyso.extending.extension import ExtendedDocument, Target
    from kyso.text import Language

SCHEMA = "kyso.extended/1"
PARTLY = 2


def run(
    common: Common,
    source: Annotated[Path, Argument("IN")],
    level: Annotated[str, Option("--level", "lt|lta")],
    tsa: Annotated[list[str] | None, Option("--tsa", "URL")] = None,
    trust: Annotated[list[Path] | None, Option("--trust", "FILE|DIR")] = None,
    crl: Annotated[list[Path] | None, Option("--crl", "FILE|DIR")] = None,
    out: Annotated[Path | None, Option("--out", "OUT")] = None,
    best_effort: Annotated[bool, Flag("--best-effort")] = False,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Extend one letter; exit code 2 where only a lower level was reached."""
    from kyso.extending.extension import extend_document
    from kyso.extending.online import EvidenceFetcher
    from kyso.extending.timestamp import TimestampAuthorities, check_wanted
    from kyso.verification.settings import settings_from

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    target = cast("Target", letters.choice_from("--level", level, ("lt", "lta")))
    config = common.config
    urls = tuple(tsa) if tsa else config.signing.tsa
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise WrongUse("cli.bad_url", option="--tsa", value=url)
    online = common.online or config.network.online
    allow_private = config.network.allow_private
    if not best_effort and (target == "lta" or urls):
        check_wanted(urls, online=online)
    for given in (*(trust or ()), *(crl or ())):
        if not given.exists():
            raise WrongUse("cli.no_such_path", name=given)
    settings = settings_from(config, trust=trust, crls=crl, password=letters.password_from(password_env))
    with ExitStack() as opened:
        extended = extend_document(
            source,
            target,
            settings,
            opened.enter_context(TimestampAuthorities(urls)) if urls and online else None,
            fetcher=opened.enter_context(EvidenceFetcher.within(allow_private=allow_private)) if online else None,
            out=out or source.with_name(f"{source.stem}.{target}.pdf"),
            overwrite=force,
            best_effort=best_effort,
        )
    _tell(source, target, extended, common, as_json=as_json)
    return 0 if extended.level == target else PARTLY


def answer_of(source: Path, target: str, extended: ExtendedDocument, language: Language) -> dict[str, Any]:
    """Return what became of a letter as the contract ``kyso.extended/1``."""
    from kyso.reports.json import as_table

    return {
        "schema": SCHEMA,
        "document": str(source),
        "out": str(extended.path),
        "level": extended.level,
        **_counts(extended),
        "level_asked": target,
        "size": extended.size,
        "original_size": extended.original_size,
        "notices": [output.in_both(notice.code, notice.parameters) for notice in extended.notices],
        "report": as_table(extended.report, language),
    }


def _counts(extended: ExtendedDocument) -> dict[str, int]:
    return {name: getattr(extended, name) for name in ("timestamps", "certificates", "crls", "ocsp")}


def _tell(source: Path, target: str, extended: ExtendedDocument, common: Common, *, as_json: bool) -> None:
    told = {"document": str(source), "out": str(extended.path), "level": extended.level, **_counts(extended)}
    if as_json:
        output.put_json(answer_of(source, target, extended, common.language))
    else:
        output.put(text.message("extending.done", common.language, told))
    if extended.level != target:
        missing = [Phrase(notice.code, notice.parameters) for notice in extended.notices]
        output.say("extending.partly", common.language, {**told, "target": target, "missing": missing or "-"})
