"""The errors of kyso: one tree, each error with a code, each code with words in Vietnamese and English.

::

    KysoError
    ├── InputRefused        exit 4   the file or what it holds cannot be used
    │   └── SigningRefused  exit 4   signing would break something or would not be lawful
    ├── KeyTrouble          exit 5   key, certificate, PIN or password
    ├── RemoteFailed        exit 6   TSA, remote CA, gateway
    ├── WrongUse            exit 7   wrong option or combination
    │   └── ConfigWrong     exit 7   kyso.toml
    └── InternalError       exit 70  a defect in kyso

An error is raised where the cause is known: ``raise InputRefused("document.encrypted", name=path.name)``. Its words
come from the catalogues (`kyso.text`); `message` and `next_step` choose the language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kyso import text

if TYPE_CHECKING:
    from kyso.text import Language


class KysoError(Exception):
    """Base of every error that kyso raises on purpose.

    :param code: names the cause, for programs and for the catalogues: ``document.encrypted``.
    :param parameters: what the words mention. Never a secret.
    """

    exit_code: ClassVar[int] = 70

    def __init__(self, code: str, /, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.parameters: dict[str, object] = parameters

    def message(self, language: Language = "en") -> str:
        """Return what went wrong, in `language`."""
        return text.message(self.code, language, self.parameters)

    def next_step(self, language: Language = "en") -> str | None:
        """Return what the reader should do next, in `language`."""
        return text.next_step(self.code, language, self.parameters)

    def __str__(self) -> str:
        return f"{self.message()} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries in batches; the default reduction would lose the parameters.
        return _rebuild, (type(self), self.code, self.parameters)


def _rebuild(kind: type[KysoError], code: str, parameters: dict[str, object]) -> KysoError:
    return kind(code, **parameters)


class InputRefused(KysoError):
    """The input cannot be read or used as asked."""

    exit_code = 4


class SigningRefused(InputRefused):
    """Signing would break the letter or would not be lawful; decided before any key is used."""


class KeyTrouble(KysoError):
    """Something about the key, its certificate or its PIN."""

    exit_code = 5


class RemoteFailed(KysoError):
    """The other side failed: a timestamp authority, a remote CA, a gateway."""

    exit_code = 6


class WrongUse(KysoError):
    """The request itself is wrong: an unknown name, options that exclude each other."""

    exit_code = 7


class ConfigWrong(WrongUse):
    """kyso.toml holds something that cannot be right."""


class InternalError(KysoError):
    """A defect in kyso; nothing the user did."""

    exit_code = 70
