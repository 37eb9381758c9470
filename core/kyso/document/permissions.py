"""What the signatures of a letter still allow: DocMDP, FieldMDP, and what a field asks of its own signature.

Sources: ISO 32000-2, 12.8.2.2 (DocMDP), 12.8.2.4 (FieldMDP), 12.7.5.5 (/Lock and /SV), 12.8.6 (/Perms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from pikepdf import Array, Dictionary

from kyso.document.fields import text_or_none
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kyso.document.fields import SignatureField

Permission = Literal[1, 2, 3]
LockAction = Literal["All", "Include", "Exclude"]

_MAX_LOCKED_NAMES = 100_000


@dataclass(frozen=True, slots=True)
class FieldLock:
    """A set of fields that a signature froze, or will freeze.

    :param action: ``All`` fields, only those named (``Include``), or all but those named (``Exclude``).
    :param fields: fully qualified names; a name stands for its descendants too.
    :param signed_by: name of the signature field the lock belongs to.
    """

    action: LockAction
    fields: tuple[str, ...]
    signed_by: str

    def locks(self, field: str) -> bool:
        """Tell whether the field named `field` is frozen.

        Names are compared whole: a lock on ``a`` holds for ``a`` and ``a.b``, never for ``ab``.
        """
        if self.action == "All":
            return True
        named = any(field == name or field.startswith(name + ".") for name in self.fields)
        return named if self.action == "Include" else not named


def docmdp(root: Dictionary, fields: Iterable[SignatureField]) -> Permission | None:
    """Return the strictest permission that any signature of the letter leaves, ``None`` where nothing is restricted.

    Counted are the certification named in /Perms, DocMDP references of the signatures themselves, and /P in the /Lock
    of a signed field (PDF 2.0).
    """
    levels: list[Permission] = []
    perms = root.get("/Perms") if "/Perms" in root else None
    if isinstance(perms, Dictionary) and isinstance(certification := perms.get("/DocMDP"), Dictionary):
        levels.extend(_docmdp_of(certification))
        if not levels:
            levels.append(2)
    for field in fields:
        if field.value is None:
            continue
        levels.extend(_docmdp_of(field.value))
        lock = field.node.get("/Lock") if "/Lock" in field.node else None
        if isinstance(lock, Dictionary) and lock.get("/P") in (1, 2, 3):
            levels.append(cast("Permission", lock.get("/P")))
    return min(levels, default=None)


def field_locks(fields: Iterable[SignatureField]) -> tuple[FieldLock, ...]:
    """Return the locks that the letter's signatures carry."""
    return tuple(
        lock
        for field in fields
        if field.value is not None
        for parameters in _transforms(field.value, "/FieldMDP")
        if (lock := read_lock(parameters, field.name)) is not None
    )


def read_lock(dictionary: Dictionary, signed_by: str) -> FieldLock | None:
    """Read /Action and /Fields of a lock dictionary or of FieldMDP parameters, ``None`` where there is no action.

    An unknown action is read as ``All``: a lock that is not understood is not a lock to be ignored.
    """
    if "/Action" not in dictionary:
        return None
    action = str(dictionary.get("/Action")).removeprefix("/")
    names = dictionary.get("/Fields") if "/Fields" in dictionary else None
    fields = tuple(
        text for item in (names.as_list() if isinstance(names, Array) else []) if (text := text_or_none(item))
    )
    if action not in ("Include", "Exclude") or len(fields) > _MAX_LOCKED_NAMES:
        return FieldLock("All", (), signed_by)
    return FieldLock(cast("LockAction", action), fields, signed_by)


def _docmdp_of(signature: Dictionary) -> Iterator[Permission]:
    for parameters in _transforms(signature, "/DocMDP"):
        level = parameters.get("/P", 2)
        yield cast("Permission", level) if level in (1, 2, 3) else 1


def _transforms(signature: Dictionary, method: str) -> Iterator[Dictionary]:
    """Yield the /TransformParams of every reference with this transform method; empty ones where they are missing."""
    references = signature.get("/Reference") if "/Reference" in signature else None
    for reference in references.as_list() if isinstance(references, Array) else []:
        if isinstance(reference, Dictionary) and reference.get("/TransformMethod") == method:
            parameters = reference.get("/TransformParams")
            yield parameters if isinstance(parameters, Dictionary) else Dictionary()
