"""A value that must never be shown: a PIN, a password, a token.

A :class:`Secret` has no readable ``repr`` or ``str``, cannot be pickled, formatted or compared by accident, and is
handed on as it is. Only the code that spends it calls :meth:`Secret.reveal`.

What this does not protect against: the bytes stay in this process's memory until the interpreter frees them.
"""

from __future__ import annotations

from typing import NoReturn, final


@final
class Secret:
    """Holds a secret text; :meth:`reveal` is the only way to read it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself. Call it where the secret is spent and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, format_spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self
