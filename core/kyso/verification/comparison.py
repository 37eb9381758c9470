"""Whether a value means the same in two revisions: the strict test behind every rule of the change review.

"The same" follows references to the end. It is cheap because only what can reach a changed object is looked at; it is
safe because the answer depends on where the reader comes from: a stream that serves as a stamp's appearance and as
page content is compared again on the way from the page.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Object, Stream, String

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.document.pages import ObjectId

DIRECT: Final = (0, 0)
_MAX_DEPTH: Final = 150

# Links from elsewhere to an annotation or field; following them would judge it twice. None of them can draw.
_LINKS_TO_ANNOTATIONS: Final = frozenset({"/Obj", "/Popup", "/IRT", "/Parent", "/CO", "/T", "/Fields"})

# Text strings that a tool may write in another encoding (ISO 32000-2, 7.9.2.2).
_TEXTS: Final = frozenset({"/Lang"})


class Comparison:
    """Compares values of an old and a new revision.

    :param dirty: objects of the old revision from which a changed object can be reached.
    :param pages: pages, page tree nodes and the catalog: reviewed by themselves wherever they are referred to.
    :param annotations: annotations and fields, likewise, but only through the links that mean one.
    """

    __slots__ = ("_annotations", "_assumed", "_compared", "_dirty", "_pages")

    def __init__(self, dirty: set[ObjectId], pages: set[ObjectId], annotations: set[ObjectId]) -> None:
        self._dirty = dirty
        self._pages = pages
        self._annotations = annotations
        self._compared: dict[tuple[ObjectId, ObjectId, str], bool] = {}
        self._assumed: list[tuple[ObjectId, ObjectId, str]] = []

    def touched(self, value: object) -> bool:
        """Tell whether an old value is direct or may have changed somewhere below."""
        return not isinstance(value, Object) or value.objgen == DIRECT or value.objgen in self._dirty

    def may_differ(self, key: ObjectId | bytes) -> bool:
        """Tell the same of an entry of a list, known by its object or, standing in the list itself, by its text."""
        return isinstance(key, bytes) or key in self._dirty

    def same(self, old: object, new: object, key: str = "", depth: int = 0) -> bool:
        """Tell whether two values mean the same. `key` is the dictionary key that leads to them."""
        if not isinstance(old, Object) or not isinstance(new, Object):
            return _same_scalar(old, new)
        if depth > _MAX_DEPTH:
            return False
        before, after = old.objgen, new.objgen
        if before == DIRECT and after == DIRECT:
            return self._same_content(old, new, key, depth)
        if before == after:
            if before not in self._dirty or before in self._pages:
                return True
            if key in _LINKS_TO_ANNOTATIONS and before in self._annotations and not isinstance(new, Stream):
                return True
        pair = (before, after, key if key in _LINKS_TO_ANNOTATIONS else "")
        known = self._compared.get(pair)
        if known is None:
            # Assumed while its own parts are compared: a cycle is the same if nothing on it differs.
            self._compared[pair] = True
            count = len(self._assumed)
            self._assumed.append(pair)
            known = self._same_content(old, new, key, depth)
            if not known:
                # What was found the same in the meantime was found so under an assumption that turned out wrong.
                for later in self._assumed[count:]:
                    del self._compared[later]
                del self._assumed[count:]
                self._compared[pair] = False
        return known

    def _same_content(self, old: Object, new: Object, key: str, depth: int) -> bool:
        if isinstance(old, Stream) or isinstance(new, Stream):
            return (
                isinstance(old, Stream)
                and isinstance(new, Stream)
                and self._same_members(old.stream_dict, new.stream_dict, depth)
                and old.read_raw_bytes() == new.read_raw_bytes()
            )
        if isinstance(old, Dictionary) and isinstance(new, Dictionary):
            return self._same_members(old, new, depth)
        if isinstance(old, String) and isinstance(new, String) and key in _TEXTS:
            return str(old) == str(new)
        if isinstance(old, Array) and isinstance(new, Array):
            return len(old) == len(new) and all(
                self.same(before, after, key, depth + 1)
                for before, after in zip(old.as_list(), new.as_list(), strict=True)
            )
        return type(old) is type(new) and old.unparse(resolved=True) == new.unparse(resolved=True)

    def _same_members(self, old: Object, new: Object, depth: int) -> bool:
        keys = set(old.keys())
        return keys == set(new.keys()) and all(self.same(old.get(key), new.get(key), key, depth + 1) for key in keys)

    def changed_keys(self, old: Object, new: Object) -> Iterator[str]:
        """Yield the keys whose values are not the same, missing ones included."""
        for key in sorted(set(old.keys()) | set(new.keys())):
            if not self.same(old.get(key), new.get(key), key):
                yield key


def _same_scalar(old: object, new: object) -> bool:
    if isinstance(old, Object) or isinstance(new, Object):
        return False
    if isinstance(old, bool) or isinstance(new, bool) or old is None or new is None:
        return old is new
    if isinstance(old, (int, Decimal)) and isinstance(new, (int, Decimal)):
        return old == new
    return type(old) is type(new) and old == new


class Entries:
    """An array of fields or annotations, keyed by object, or for direct entries by their text.

    A plain row of references is read off the array's text, so that fifty entries of which one is new cost one object.
    """

    __slots__ = ("_array", "_positions", "keys", "repeats")

    def __init__(self, value: object) -> None:
        self._array = value if isinstance(value, Array) else Array()
        tokens = self._array.unparse(resolved=True)[1:-1].split()
        keys: list[ObjectId | bytes]
        if len(tokens) == 3 * len(self._array) and all(token == b"R" for token in tokens[2::3]):
            keys = list(zip(map(int, tokens[::3]), map(int, tokens[1::3]), strict=True))
        else:
            items = [self._array[index] for index in range(len(self._array))]
            keys = [identity_of(item) if isinstance(item, Object) else repr(item).encode() for item in items]
        self.repeats = len(set(keys)) < len(keys)
        self._positions = {key: position for position, key in reversed(list(enumerate(keys)))}
        self.keys = list(dict.fromkeys(keys))

    def __contains__(self, key: ObjectId | bytes) -> bool:
        return key in self._positions

    def __getitem__(self, key: ObjectId | bytes) -> Object:
        found = self._array[self._positions[key]]
        return found if isinstance(found, Object) else Dictionary()


def identity_of(item: Object) -> ObjectId | bytes:
    """Return what makes an entry of a list the same entry: its object, or for a direct one its text."""
    return item.objgen if item.objgen != DIRECT else item.unparse(resolved=True)
