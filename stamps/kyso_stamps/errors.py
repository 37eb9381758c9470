"""Errors of the stamp engine: a code and its parameters; the words are in this package's catalogues."""

from __future__ import annotations


class StampError(Exception):
    """A stamp cannot be drawn as asked.

    :param code: ``stamp.glyph_missing``, ``stamp.text_too_long``, ``stamp.image_unreadable`` ...
    :param parameters: what the words mention.
    """

    def __init__(self, code: str, /, **parameters: object) -> None:
        super().__init__(code)
        self.code = code
        self.parameters: dict[str, object] = parameters

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.parameters)


def _rebuild(code: str, parameters: dict[str, object]) -> StampError:
    return StampError(code, **parameters)
