"""Where a command gets a secret: a descriptor, the environment, or a question to a person. Never an argument."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kyso import text
from kyso.errors import KeyTrouble
from kyso.secret import Secret

if TYPE_CHECKING:
    from kyso.contracts import SecretAsker
    from kyso.text import Language

GREATEST_LENGTH = 4096


def asker(language: Language, *, secret_env: str | None = None, secret_fd: int | None = None) -> SecretAsker:
    """Return what asks for a key's password or PIN.

    :param secret_env: name of an environment variable to take it from.
    :param secret_fd: number of a file descriptor to read it from, up to its end.
    """
    given: list[Secret] = []

    def ask(code: str, parameters: Mapping[str, object]) -> Secret:
        if not given and secret_fd is not None:
            given.append(from_descriptor(secret_fd))
        elif not given and secret_env is not None:
            given.append(from_environment(secret_env))
        if given:
            return given[0]
        return prompt(text.message(code, language, parameters))

    return ask


def from_environment(name: str) -> Secret:
    """Take a secret from the environment variable `name`.

    :raises KeyTrouble: it is not set.
    """
    value = os.environ.get(name)
    if value is None:
        raise KeyTrouble("cli.secret_env_unset", name=name)
    return Secret(value)


def from_descriptor(number: int) -> Secret:
    """Read a secret from an open file descriptor up to its end; one line break at the end is dropped.

    :raises KeyTrouble: it is not open for reading, holds too much, or is not UTF-8.
    """
    try:
        with os.fdopen(number, "rb", closefd=False) as stream:
            data = stream.read(GREATEST_LENGTH + 1)
        if len(data) > GREATEST_LENGTH:
            raise KeyTrouble("cli.secret_fd_too_long", number=number, limit=GREATEST_LENGTH)
        return Secret(data.decode("utf-8").removesuffix("\n").removesuffix("\r"))
    except OSError as error:
        raise KeyTrouble("cli.secret_fd_unreadable", number=number, cause=error.strerror or "") from None
    except UnicodeDecodeError:
        # Without the original error: it carries the bytes.
        raise KeyTrouble("cli.secret_fd_unreadable", number=number, cause="UTF-8") from None


def prompt(question: str) -> Secret:
    """Ask a person, without echo.

    :raises KeyTrouble: there is no terminal to ask at.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise KeyTrouble("key.secret_missing")
    import getpass

    try:
        return Secret(getpass.getpass(question + ": ", stream=sys.stderr))
    except EOFError:
        raise KeyTrouble("key.secret_missing") from None
