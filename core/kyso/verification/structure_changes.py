"""The logical structure may grow when a tagged document is signed: the new widget gets a structure element.

Allowed is growth only: elements may get further children, and the parent tree further entries. Nothing that was there
may mean something else, because screen readers and text extraction follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Object

if TYPE_CHECKING:
    from kyso.verification.comparison import Comparison

_MAX_DEPTH: Final = 100
_WORDS: Final = frozenset({"/ActualText", "/Alt", "/E"})
_GROWING: Final = frozenset({"/K", "/ParentTree", "/IDTree", "/Nums", "/Names", "/Kids", "/Limits"})


def structure_grown(comparison: Comparison, old: object, new: object) -> bool:
    """Tell whether the structure tree `new` is `old` with something added.

    A document without structure stays without: a tree made afterwards can give its text another wording (/ActualText).
    """
    return old is not None and _grown(comparison, old, new, "/StructTreeRoot", 0, set())


def _grown(comparison: Comparison, old: object, new: object, key: str, depth: int, seen: set[tuple[int, int]]) -> bool:
    if comparison.same(old, new, key):
        return True
    if depth > _MAX_DEPTH or not isinstance(old, Object) or not isinstance(new, Object):
        return False
    if old.objgen != (0, 0):
        if old.objgen != new.objgen and key not in _GROWING:
            return False
        if old.objgen in seen:
            return True
        seen.add(old.objgen)
    if isinstance(old, Dictionary) and isinstance(new, Dictionary):
        return all(_grown_member(comparison, old, new, name, depth, seen) for name in old.keys() | new.keys())
    if isinstance(old, Array) and isinstance(new, Array):
        return _grown_array(comparison, old, new, key, depth, seen)
    # A single child that becomes the first of several (/K).
    if key == "/K" and isinstance(new, Array) and len(new) > 0:
        if not all(map(_silent, new.as_list()[1:])):
            return False
        return _grown(comparison, old, new.as_list()[0], key, depth + 1, seen)
    return False


def _grown_member(
    comparison: Comparison, old: Dictionary, new: Dictionary, name: str, depth: int, seen: set[tuple[int, int]]
) -> bool:
    before, after = old.get(name), new.get(name)
    if name == "/ParentTreeNextKey" or name == "/Limits":
        return True
    if name == "/P" and isinstance(before, Object) and isinstance(after, Object):
        # The way back up; the parent is compared on the way down.
        return before.objgen == after.objgen
    if before is None:
        return name in _GROWING and _silent(after)
    return _grown(comparison, before, after, name, depth + 1, seen)


def _grown_array(
    comparison: Comparison, old: Array, new: Array, key: str, depth: int, seen: set[tuple[int, int]]
) -> bool:
    """Tell whether every old entry is still there in order; further ones may follow or stand between."""
    before, after = old.as_list(), new.as_list()
    if key not in _GROWING:
        return len(before) == len(after) and all(
            _grown(comparison, first, second, "", depth + 1, seen) for first, second in zip(before, after, strict=True)
        )
    position = 0
    added: list[object] = []
    for entry in before:
        while position < len(after) and not _corresponds(entry, after[position]):
            added.append(after[position])
            position += 1
        if position >= len(after) or not _grown(comparison, entry, after[position], key, depth + 1, seen):
            return False
        position += 1
    return all(map(_silent, (*added, *after[position:])))


def _silent(added: object, depth: int = 0) -> bool:
    """Tell whether new structure says nothing about marked content of a page.

    The widget of a signature is named by /OBJR. An element that gives words (/ActualText) to marked content would let
    a screen reader or a search read another text than the page shows.
    """
    if depth > _MAX_DEPTH:
        return False
    if isinstance(added, Array):
        return all(_silent(entry, depth + 1) for entry in added.as_list())
    if not isinstance(added, Dictionary):
        return True
    kids = added.get("/K")
    entries = kids.as_list() if isinstance(kids, Array) else [] if kids is None else [kids]
    if _WORDS & set(added.keys()) and any(map(_is_marked_content, entries)):
        return False
    return all(_silent(entry, depth + 1) for entry in entries)


def _is_marked_content(entry: object) -> bool:
    return isinstance(entry, int) or (
        isinstance(entry, Dictionary) and entry.get("/Type") == Name.MCR and "/Stm" not in entry
    )


def _corresponds(old: object, new: object) -> bool:
    if isinstance(old, Object) and isinstance(new, Object):
        return old.objgen == new.objgen
    return not isinstance(old, Object) and not isinstance(new, Object) and old == new
