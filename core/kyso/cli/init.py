"""``kyso init``: a first kyso.toml, from options or from questions asked at a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.config import FILE_NAME
from kyso.errors import KeyTrouble, WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from kyso.text import Language

Answers = dict[str, str]

QUESTIONS = (
    "organisation",
    "leader_key",
    "leader_title",
    "leader_image",
    "seal_key",
    "seal_image",
    "seal_diameter_mm",
    "trust",
    "crl",
)
"""What is asked, in this order; each is an option as well. An empty answer leaves the entry out."""


def run(
    common: Common,
    folder: Annotated[Path, Argument("DIR")] = Path(),
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    leader_key: Annotated[str | None, Option("--leader-key", "URI")] = None,
    leader_title: Annotated[str | None, Option("--leader-title", "TEXT")] = None,
    leader_image: Annotated[str | None, Option("--leader-image", "PNG|PDF")] = None,
    seal_key: Annotated[str | None, Option("--seal-key", "URI")] = None,
    seal_image: Annotated[str | None, Option("--seal-image", "PNG|PDF")] = None,
    seal_diameter_mm: Annotated[str | None, Option("--seal-diameter-mm", "MM")] = None,
    trust: Annotated[str | None, Option("--trust", "FILE|DIR")] = None,
    crl: Annotated[str | None, Option("--crl", "FILE|DIR")] = None,
    yes: Annotated[bool, Flag("--yes")] = False,
    force: Annotated[bool, Flag("--force")] = False,
) -> int:
    """Write the file, and return the exit code."""
    target = folder / FILE_NAME
    letters.refuse_existing(target, force=force)
    if not folder.is_dir():
        raise WrongUse("cli.no_such_path", name=folder)
    given = {
        "organisation": organisation,
        "leader_key": leader_key,
        "leader_title": leader_title,
        "leader_image": leader_image,
        "seal_key": seal_key,
        "seal_image": seal_image,
        "seal_diameter_mm": seal_diameter_mm,
        "trust": trust,
        "crl": crl,
    }
    answers = {name: value.strip() for name, value in given.items() if value is not None}
    missing = [name for name in QUESTIONS if name not in answers]
    if missing and not yes:
        if not sys.stdin or not sys.stdin.isatty():
            raise KeyTrouble("cli.init_no_terminal", options=[f"--{name.replace('_', '-')}" for name in missing])
        answers |= _ask(missing, common.language, input)
    if answers.get("leader_title") and not answers.get("leader_key"):
        raise WrongUse("cli.title_needs_key")
    if "seal_diameter_mm" in answers:
        answers["seal_diameter_mm"] = _diameter(answers["seal_diameter_mm"])
    from kyso.update.files import write_output

    write_output(target, (compose(answers, common.language).encode(),), overwrite=force)
    output.say("cli.init_written", common.language, {"file": target})
    return 0


def _ask(missing: list[str], language: Language, read: Callable[[str], str]) -> Answers:
    output.say("init.welcome", language)
    answers: Answers = {}
    for name in missing:
        print(text.message(f"init.ask_{name}", language), end=" ", file=sys.stderr, flush=True)
        try:
            answers[name] = read("").strip()
        except EOFError:
            raise KeyTrouble("cli.init_no_terminal", options=[f"--{name.replace('_', '-')}"]) from None
    return answers


def _diameter(value: str) -> str:
    if not value:
        return ""
    try:
        length = float(value.replace(",", ".").removesuffix("mm"))
    except ValueError:
        length = 0.0
    if not 0 < length <= 200:
        raise WrongUse("cli.bad_value", name="--seal-diameter-mm", cause=value, command="kyso init")
    return f"{length:g}"


def compose(answers: Answers, language: Language) -> str:
    """Return the text of a kyso.toml with comments in `language`; what was not answered stands as a comment."""

    def comment(name: str) -> list[str]:
        return ["# " + line for line in text.message(f"init.comment_{name}", language).split("\n")]

    def entry(name: str, answer: str, example: str, *, number: bool = False) -> str:
        value = answers.get(answer, "")
        shown = value if number and value else _quoted(value or example)
        return f"{name} = {shown}" if value else f"# {name} = {example if number else shown}"

    def section(header: str, answer: str) -> str:
        return header if answers.get(answer) else f"# {header}"

    leader = bool(answers.get("leader_key"))
    seal = bool(answers.get("seal_key"))
    lines = [
        *comment("file"),
        "",
        "[organisation]",
        *comment("organisation"),
        entry("name", "organisation", "ỦY BAN NHÂN DÂN XÃ ..."),
        "",
        *comment("keys"),
        section("[keys.leader]", "leader_key"),
        entry("uri", "leader_key", "pfx:keys/leader.p12"),
        'role = "leader"' if leader else '# role = "leader"',
    ]
    if leader:
        lines.append(entry("title", "leader_title", "CHỦ TỊCH"))
    lines += [
        "",
        section("[keys.seal]", "seal_key"),
        entry("uri", "seal_key", "pfx:keys/seal.p12"),
        'role = "seal"' if seal else '# role = "seal"',
        "",
        "[leader]",
        *comment("leader"),
        entry("image", "leader_image", "signature.png"),
        "",
        "[seal]",
        *comment("seal"),
        entry("image", "seal_image", "seal.png"),
        entry("diameter_mm", "seal_diameter_mm", "36", number=True),
        "",
        "[signing]",
        *comment("signing"),
        'key = "leader"' if leader else '# key = "leader"',
        'policy = "decree30.leader"',
        "",
        "[verification]",
        *comment("verification"),
        entry("trust", "trust", "trust"),
        entry("crl", "crl", "crl"),
        "",
        "[locale]",
        f'language = "{language}"',
        "",
    ]
    return "\n".join(lines)


def _quoted(value: str) -> str:
    import json

    # A TOML basic string takes JSON's escapes; DEL is the one control character JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
