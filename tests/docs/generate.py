"""Writes the pages that are made from kyso itself: ``python -m tests.docs.generate``.

Commands from their help, placement policies from the plugins, errors and messages from the catalogues. A test fails
when a page and the program disagree; run this and commit what it wrote.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kyso import text
from kyso.plugins import create_plugin_manager
from kyso.text import LANGUAGES, Language

DOCS = Path(__file__).resolve().parents[2] / "docs"

_MADE = {
    "vi": "<!-- Trang này được tạo bằng `python -m tests.docs.generate`; đừng sửa tay. -->\n",
    "en": "<!-- This page is made by `python -m tests.docs.generate`; do not edit it. -->\n",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "cli": "# Lệnh\n\nNguyên văn trợ giúp của từng lệnh (`kyso LỆNH --help`).\n",
        "policies": (
            "# Chính sách đặt chữ ký\n\nChọn bằng `--policy`, thiết lập bằng `--set TÊN=GIÁ TRỊ` hoặc trong "
            "`[plugins.TÊN]` của kyso.toml. `kyso plugins --format json` in cùng danh sách cho máy đọc.\n"
        ),
        "settings": "| Thiết lập | Kiểu | Mặc định | Nghĩa |\n|---|---|---|---|\n",
        "none": "Không có thiết lập riêng.\n",
        "required": "bắt buộc",
        "messages": (
            "# Mã lỗi và cảnh báo\n\nMỗi mã có lời bằng hai ngôn ngữ; chương trình dựa vào mã. Chữ trong ngoặc nhọn "
            "được thay khi hiển thị.\n"
        ),
        "entries": "| Mã | Thông báo | Việc cần làm |\n|---|---|---|\n",
    },
    "en": {
        "cli": "# Commands\n\nThe help of each command as it is printed (`kyso COMMAND --help`).\n",
        "policies": (
            "# Placement policies\n\nChosen by `--policy`, set by `--set NAME=VALUE` or in `[plugins.NAME]` of "
            "kyso.toml. `kyso plugins --format json` prints the same list for machines.\n"
        ),
        "settings": "| Setting | Kind | Default | Meaning |\n|---|---|---|---|\n",
        "none": "No settings of its own.\n",
        "required": "required",
        "messages": (
            "# Errors and warnings\n\nEach code has words in both languages; programs go by the code. What stands in "
            "braces is filled in when it is shown.\n"
        ),
        "entries": "| Code | Message | Next step |\n|---|---|---|\n",
    },
}


def pages() -> dict[Path, str]:
    """Return every made page: its path below docs/ and its text."""
    made: dict[Path, str] = {}
    for language in LANGUAGES:
        folder = Path(language) / "reference"
        for name, page in (("cli", _commands), ("policies", _policies), ("messages", _messages)):
            made[folder / f"{name}.md"] = _MADE[language] + _WORDS[language][name] + page(language)
    return made


_ASKED = """
import io, json, sys
from kyso.cli.program import run
told = sys.stdout
for line in sys.stdin:
    kept = sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code = run([*json.loads(line), "--help"])
    kept.flush()
    print(json.dumps([code, kept.buffer.getvalue().decode("utf-8")]), file=told, flush=True)
"""


@cache
def _program(language: Language) -> subprocess.Popen[str]:
    """Start the program once for all its pages: a hundred starts took most of the time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KYSO_")}
    environment = {**kept, "COLUMNS": "100", "KYSO_LANG": language, "NO_COLOR": "1"}
    program = subprocess.Popen(
        [sys.executable, "-c", _ASKED], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(program.kill)
    return program


def _help(language: Language, *command: str) -> str:
    program = _program(language)
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps(command) + "\n")
    program.stdin.flush()
    code, page = json.loads(program.stdout.readline())
    assert code == 0, command
    return "\n".join(line.rstrip() for line in page.strip("\n").splitlines())


def _commands(language: Language) -> str:
    top = _help(language)
    # The second section of the general help lists the commands, two spaces in and two before each summary.
    section = top.split("\n\n")[2]
    names = [found.group(1) for found in re.finditer(r"^ {2}(\S+(?: \S+)*?) {2,}\S", section, flags=re.MULTILINE)]
    blocks = [f"\n```text\n{top}\n```\n"]
    for name in names:
        blocks += _command(language, name, "##")
    return "".join(blocks)


def _command(language: Language, name: str, mark: str) -> list[str]:
    """Return the section of a command, and those of the commands below it."""
    page = _help(language, *name.split())
    sections = [f"\n{mark} kyso {name}\n\n```text\n{page}\n```\n"]
    # The page of a plugin's group lists its commands by their full names.
    for one in re.findall(rf"^ {{2}}({re.escape(name)} \S+) {{2,}}\S", page, flags=re.MULTILINE):
        sections += _command(language, one, mark + "#")
    return sections


def _policies(language: Language) -> str:
    words = _WORDS[language]
    blocks = []
    for name, offered in sorted(create_plugin_manager().contributions("placement_policies").items()):
        contribution = offered.contribution
        block = f"\n## {name}\n\n{contribution.summary.of(language)}.\n\n"
        rows = ""
        for setting in contribution.settings:
            kind = ", ".join(f"`{choice}`" for choice in setting.choices) or setting.kind
            default = words["required"] if setting.required else f"`{setting.default}`" if setting.default else ""
            rows += f"| `{setting.name}` | {kind} | {default} | {setting.summary.of(language)} |\n"
        blocks.append(block + (words["settings"] + rows if rows else words["none"]))
    return "".join(blocks)


def _messages(language: Language) -> str:
    # Loading the plugins makes their catalogues known; other tests may have added a third party's.
    plugins = create_plugin_manager(autoload=False).plugins
    own = {"kyso", "kyso_stamps", *(f"kyso_{plugin.name}" for plugin in plugins)}
    blocks = []
    for package in sorted(own.intersection(text.catalogue_packages())):
        entries = text.read_catalogue(package, language)
        # What only labels or tells has no next step; it would drown the errors and warnings that people look up.
        rows = "".join(
            _row(code, entry.message, entry.next_step) for code, entry in sorted(entries.items()) if entry.next_step
        )
        if not rows:
            continue
        blocks.append(f"\n## {package}\n\n{_WORDS[language]['entries']}{rows}")
    return "".join(blocks)


def _row(code: str, message: str, next_step: str) -> str:
    return f"| `{code}` | {_cell(message)} | {_cell(next_step)} |\n"


def _cell(part: str) -> str:
    return re.sub(r"\s*\n\s*", "<br>", part.strip()).replace("|", "\\|").replace("<br><br>", "<br>")


def main() -> None:
    """Write the pages."""
    for path, page in pages().items():
        (DOCS / path).write_text(page, encoding="utf-8")
        print(DOCS / path)


if __name__ == "__main__":
    main()
