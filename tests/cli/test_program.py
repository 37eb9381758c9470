"""The program around the commands: language, help, errors, exit codes, logs."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kyso import text
from kyso.cli import help as help_pages
from kyso.cli import program
from kyso.cli.common import Common, locale_language, take_common
from kyso.cli.crash import write_log
from kyso.cli.parsing import Argument, Flag, parameters_of, read_values
from kyso.cli.program import COMMANDS
from kyso.errors import WrongUse
from tests.cli.conftest import Kyso

KYSO = [sys.executable, "-c", "from kyso.cli import main; main()"]


def runs(name: str) -> object:
    """Return the function behind a built-in command."""
    from importlib import import_module

    return import_module(COMMANDS[name]).run


# ------------------------------------------------------------------------------------------------------------ language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "vi"),
        ({"LANG": "C.UTF-8"}, "vi"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LC_MESSAGES": "en_US", "LANG": "vi_VN"}, "en"),
        ({"LC_ALL": "vi_VN", "LC_MESSAGES": "en_US"}, "vi"),
        ({"LANG": "fr_FR"}, "vi"),
    ],
)
def test_the_locale_chooses_last(environment: dict[str, str], language: str) -> None:
    """English for English locales, Vietnamese for all others, POSIX precedence."""
    assert locale_language(environment) == language


def test_languages_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--lang beats KYSO_LANG beats the configuration beats the locale."""
    path = tmp_path / "kyso.toml"
    path.write_text("[locale]\nlanguage = 'vi'", encoding="utf-8")
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert Common(config_path=path).language == "vi"
    assert Common(config_path=tmp_path / "no.toml").language == "en"
    monkeypatch.setenv("KYSO_LANG", "en")
    assert Common(config_path=path).language == "en"
    assert Common(asked_language="vi", config_path=path).language == "vi"


def test_common_options_stand_anywhere() -> None:
    """Before or after the command, with a space or an equals sign; nothing is taken after `--`."""
    given = ["--lang", "en", "sign", "--config=a.toml", "x", "-v", "--online", "--", "--lang", "-v"]
    common, rest = take_common(given)
    assert (common.asked_language, common.config_path, common.verbose, common.online) == (
        "en",
        Path("a.toml"),
        True,
        True,
    )
    assert rest == ["sign", "x", "--", "--lang", "-v"]
    assert take_common(["--online", "--offline"])[0].online is False


@pytest.mark.parametrize("arguments", [["--lang"], ["--lang", "fr"], ["--config"], ["--lang="]])
def test_wrong_common_options_are_refused(kyso: Kyso, arguments: list[str]) -> None:
    """A missing value or an unknown language is wrong use."""
    assert kyso(*arguments).code == 7


# ----------------------------------------------------------------------------------------------------------- parsing


def test_arguments_become_values() -> None:
    """Options in any order, values of their kinds, repeated ones as lists, everything after `--` by position."""
    parameters = parameters_of(runs("sign"))  # type: ignore[arg-type]
    given = ["--page", "-1", "--set=a=1", "--set", "b=", "--force", "--out", "o.pdf", "--", "-odd.pdf"]
    assert read_values("kyso sign", parameters, given) == {
        "page": -1,
        "settings": ["a=1", "b="],
        "force": True,
        "out": Path("o.pdf"),
        "source": Path("-odd.pdf"),
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["a", "b"], "cli.surplus_arguments"),
        ([], "cli.argument_missing"),
        (["a", "--out"], "cli.value_missing"),
        (["a", "--out", "--force"], "cli.value_missing"),
        (["a", "--force=yes"], "cli.flag_with_value"),
        (["a", "--out", "x", "--out", "y"], "cli.option_twice"),
        (["a", "--page", "1.5"], "cli.bad_value"),
        (["a\0b"], "cli.bad_value"),
        (["a", "--polcy", "x"], "cli.no_such_option"),
        (["a", "-q"], "cli.no_such_option_at_all"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], code: str) -> None:
    """Each mistake has its own code, and words that name it."""
    with pytest.raises(WrongUse) as raised:
        read_values("kyso sign", parameters_of(runs("sign")), arguments)  # type: ignore[arg-type]
    assert raised.value.code == code
    assert "{" not in raised.value.message("vi") + raised.value.message("en")


# -------------------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_in_both_languages(kyso: Kyso, name: str) -> None:
    """`--help` shows description, every parameter with words, and examples, in the language asked for."""
    pages = {language: kyso(*name.split(), "--help", "--lang", language) for language in text.LANGUAGES}
    for page in pages.values():
        assert (page.code, page.err) == (0, "")
        assert "help." not in page.out
        for parameter in parameters_of(runs(name)):  # type: ignore[arg-type]
            mark = parameter.mark
            assert (mark.metavar if isinstance(mark, Argument) else mark.name) in page.out
            assert text.has_text(help_pages.parameter_code(name, parameter.name)), parameter.name
        assert page.out.count("\n  kyso ") >= 2
    assert pages["vi"].out != pages["en"].out


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_the_help_can_be_typed(name: str) -> None:
    """Every example of a command parses: its options exist."""
    import shlex

    for language in text.LANGUAGES:
        for line in text.message(f"help.{name.replace(' ', '_')}.examples", language).split("\n"):
            words = shlex.split(line)[1 + len(name.split()) :]
            rest = take_common(words)[1]
            read_values(name, parameters_of(runs(name)), rest)  # type: ignore[arg-type]


def test_the_program_lists_its_commands(kyso: Kyso) -> None:
    """`kyso --help` names every command with a summary; `kyso` alone does so on stderr and is wrong use."""
    shown = kyso("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)
    bare = kyso()
    assert (bare.code, bare.out) == (7, "")
    assert "verify" in bare.err
    group = kyso("config", "--help")
    assert group.code == 0
    assert "config check" in group.out
    assert "keys list" not in group.out


def test_the_version_is_told(kyso: Kyso) -> None:
    """`kyso --version` names the version."""
    assert kyso("--version").out.startswith("kyso 0.")


@pytest.mark.parametrize("arguments", [["sgin"], ["config", "chek"], ["--nonsense"], ["keys", "lst"]])
def test_an_unknown_command_names_the_nearest(kyso: Kyso, arguments: list[str]) -> None:
    """A misspelt command is wrong use and names what was meant."""
    result = kyso(*arguments)
    assert result.code == 7
    assert any(name in result.err for name in ("sign", "config check", "--lang", "keys list"))


# ------------------------------------------------------------------------------------------------------------ failures


def test_an_unexpected_error_leaves_a_log_and_no_traceback(kyso: Kyso, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 70, one line on stderr, and a log that says where but repeats no message and no value."""

    def fails(common: Common, arguments: list[str]) -> int:
        password = "hunter2"
        raise ValueError(f"cannot use {password}")

    monkeypatch.setattr(program, "_dispatch", fails)
    result = kyso("verify", "x")
    assert result.code == 70
    assert "Traceback" not in result.err
    assert "hunter2" not in result.err
    assert result.err.count("\n") == 2
    log = Path(result.err.splitlines()[0].rpartition(": ")[2])
    written = log.read_text(encoding="utf-8")
    assert "ValueError" in written
    assert "in fails" in written
    assert "cannot use hunter2" not in written
    assert log.stat().st_mode & 0o077 == 0


def test_a_log_that_cannot_be_written_is_no_second_error(tmp_path: Path) -> None:
    """Without a place for the log the error is still reported."""
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert write_log(ValueError("x"), blocked / "log") == ""


def test_the_systems_refusals_are_no_defects(kyso: Kyso, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a missing permission is told with its path and exit 4, not as an internal error."""

    def full(common: Common, arguments: list[str]) -> int:
        raise OSError(28, "No space left on device", "/x/out.pdf")

    monkeypatch.setattr(program, "_dispatch", full)
    result = kyso("verify", "x")
    assert result.code == 4
    assert "/x/out.pdf" in result.err
    assert "No space left" in result.err


def test_interruption_is_130(kyso: Kyso, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends with 130 and one line."""

    def interrupted(common: Common, arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_dispatch", interrupted)
    assert kyso("verify", "x").code == 130


def test_a_real_interruption_is_130(office: Path) -> None:
    """SIGINT while the program waits for a secret at a terminal ends it with 130, without output."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*KYSO, "sign", "letter.pdf", "--lang", "en"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"Password" not in shown:
        shown += os.read(controller, 1000)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    os.close(controller)
    assert not (office / "letter.signed.pdf").exists()


def test_a_secret_is_asked_for_at_a_terminal(office: Path, pfx_password: str) -> None:
    """With a terminal the password is asked for without echo, and the letter is signed."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*KYSO, "sign", "letter.pdf", "--lang", "en"],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"Password" not in shown:
        shown += os.read(controller, 1000)
    time.sleep(0.2)
    os.write(controller, pfx_password.encode() + b"\n")
    try:
        while data := os.read(controller, 1000):
            shown += data
    except OSError:  # the other side closed its terminal
        pass
    assert process.wait(timeout=60) == 0
    os.close(controller)
    assert pfx_password.encode() not in shown
    assert (office / "letter.signed.pdf").is_file()


def test_no_question_without_a_terminal(office: Path) -> None:
    """Without a terminal nothing is asked: exit 5 at once."""
    result = subprocess.run(
        [*KYSO, "sign", "letter.pdf"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 5
    assert result.stdout == b""


def test_a_closed_pipe_is_silent(office: Path) -> None:
    """`kyso plugins | head -0` neither complains nor hangs."""
    process = subprocess.Popen([*KYSO, "plugins"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 141
    assert complaints == b""


def test_an_ascii_terminal_is_no_obstacle(office: Path) -> None:
    """Vietnamese words on a terminal that knows ASCII only are escaped, not fatal."""
    result = subprocess.run(
        [*KYSO, "verify", "letter.pdf", "--lang", "vi"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 3, result.stderr


def test_verbose_tells_what_was_used(kyso: Kyso, office: Path) -> None:
    """-v names the configuration, the plugins and the time, on stderr."""
    result = kyso("verify", "letter.pdf", "-v")
    assert result.code == 3
    for word in ("kyso.toml", "pfx", "Time:"):
        assert word in result.err


def test_every_flag_is_declared_once() -> None:
    """No command declares an option that is common, and none twice."""
    for name in COMMANDS:
        marks = [entry.mark for entry in parameters_of(runs(name))]  # type: ignore[arg-type]
        names = [mark.name for mark in marks if not isinstance(mark, Argument)]
        assert len(names) == len(set(names))
        assert not {"--lang", "--config", "--online", "--offline", "-v", "--verbose", "--help"} & set(names)
        assert all(mark.name.startswith("--") for mark in marks if isinstance(mark, Flag))
