"""Encrypted letters: the update is the same, its strings and streams go through pyHanko's security handler.

Only /Contents of the signature dictionary stays in the clear, as ISO 32000-2, 7.6.2 demands. What the objects say and
how the cross-reference section is written does not differ from the plain writer, so that the result does not either.

pyHanko is loaded here and nowhere on the way of an unencrypted letter.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.crypt import AuthStatus
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from kyso.errors import InputRefused, SigningRefused
from kyso.update.section import LeanSection

if TYPE_CHECKING:
    from typing import BinaryIO

    from kyso.document.opening import OpenLetter
    from kyso.document.pages import ObjectId


class EncryptingSection(LeanSection):
    """Writes like the plain section, and encrypts each object with the file's own key."""

    __slots__ = ("_handler", "_reader", "_stream")

    def __init__(self, letter: OpenLetter) -> None:
        super().__init__(letter, carry_encryption=True)
        self._stream: BinaryIO = (
            io.BytesIO(letter.source) if isinstance(letter.source, bytes) else letter.source.open("rb")
        )
        try:
            self._reader = PdfFileReader(self._stream, strict=False)
            self._handler = self._unlocked(letter)
        except (PdfError, ValueError, TypeError, KeyError, IndexError, NotImplementedError) as error:
            self._stream.close()
            raise InputRefused("document.encryption_unsupported", name=letter.name) from error
        except (InputRefused, SigningRefused):
            self._stream.close()
            raise

    def put(self, object_id: ObjectId, source: bytes, stream: bytes | None = None) -> None:
        """Write an object with its strings and its stream encrypted."""
        parsed: Any = self._parsed(source, object_id)
        if stream is not None:
            del parsed["/Length"]
            parsed = generic.StreamObject(dict_data=dict(parsed), encoded_data=stream)
        super().put(object_id, self._encrypted(parsed, object_id))

    def put_signature(self, number: int, entries: bytes, contents_size: int) -> None:
        """Write the signature dictionary; all strings but /Contents are encrypted."""
        identity = (number, 0)
        source = self._encrypted(self._parsed(b"<<" + entries + b">>", identity), identity)
        super().put_signature(number, source.removeprefix(b"<<").removesuffix(b">>"), contents_size)

    def finish(self) -> tuple[bytes, tuple[int, int, int, int]]:
        """Write the cross-reference section, which itself is never encrypted."""
        self._stream.close()
        return super().finish()

    def _unlocked(self, letter: OpenLetter) -> Any:
        handler = self._reader.security_handler
        if handler is None:
            raise InputRefused("document.encryption_unsupported", name=letter.name)
        if handler.pdf_mac_enabled:
            # ISO/TS 32004: the update would need a new MAC, and the MAC a place in the signature's CMS.
            raise SigningRefused("signing.integrity_protected", name=letter.name)
        password = letter.password.reveal() if letter.password is not None else ""
        if self._reader.decrypt(password).status == AuthStatus.FAILED:
            # The parser has opened the file with it: what fails here is the scheme (revision 5, say), not the password.
            raise InputRefused("document.encryption_unsupported", name=letter.name)
        return handler

    def _reference(self, object_id: ObjectId) -> Any:
        return generic.Reference(object_id[0], object_id[1], self._reader)

    def _parsed(self, source: bytes, object_id: ObjectId) -> Any:
        return generic.read_object(io.BytesIO(source), self._reference(object_id))

    def _encrypted(self, parsed: Any, object_id: ObjectId) -> bytes:
        written = io.BytesIO()
        parsed.write_to_stream(written, self._handler, self._reference(object_id))
        return written.getvalue().strip()
