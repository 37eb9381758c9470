"""The page tree: which object is page 7, how it is boxed and turned, and which number a page object has.

Reading a letter of ten thousand pages must not cost ten thousand objects when only the first or the last is asked for.
The tree is therefore descended by /Count where the counts agree with the kids, and walked whole only where they do not.

Boxes follow what readers do with odd files (pdfium, poppler): a missing or empty /MediaBox is US Letter, a /CropBox is
clipped to the /MediaBox and ignored where nothing is left.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from pikepdf import Array, Dictionary

from kyso.errors import InputRefused
from kyso.frozen import dataclass
from kyso.geometry import PageGeometry, Rotation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.geometry import RectPt

ObjectId = tuple[int, int]
"""Object number and generation; (0, 0) is a direct object."""

MAX_TREE_DEPTH = 64
MAX_TREE_NODES = 1_000_000
_DEFAULT_BOX: RectPt = (0.0, 0.0, 612.0, 792.0)  # what pdfium and poppler show where /MediaBox is unusable
_MAX_COORDINATE = 1e9


class _CountsLie(Exception):
    """A /Count disagrees with the kids: the tree has to be walked whole."""


@dataclass(frozen=True, slots=True)
class PageNode:
    """A page object and the nodes above it, nearest first (for inherited attributes, ISO 32000-2, 7.7.3.4)."""

    number: int
    page: Dictionary
    above: tuple[Dictionary, ...]

    @property
    def object_id(self) -> ObjectId:
        """The page's own object; (0, 0) where it stands directly in /Kids, which ISO 32000-2 does not allow."""
        return self.page.objgen

    def inherited(self, key: str) -> object:
        """Return the page's own value of `key` or the nearest inherited one."""
        for node in (self.page, *self.above):
            if key in node:  # far cheaper than a get() that misses
                return node.get(key)
        return None

    def geometry(self) -> PageGeometry:
        """Return what the reader sees of this page."""
        media = _box(self.inherited("/MediaBox")) or _DEFAULT_BOX
        crop = _box(self.inherited("/CropBox"))
        visible = media
        if crop is not None and crop != media:
            clipped = (
                max(crop[0], media[0]),
                max(crop[1], media[1]),
                min(crop[2], media[2]),
                min(crop[3], media[3]),
            )
            if clipped[0] < clipped[2] and clipped[1] < clipped[3]:
                visible = clipped
        unit = number_or_none(self.page.get("/UserUnit"))
        return PageGeometry(
            number=self.number,
            visible_pt=visible,
            rotation=_rotation(self.inherited("/Rotate")),
            user_unit=unit if unit is not None and 0 < unit <= _MAX_COORDINATE else 1.0,
        )


class PageTree:
    """Finds pages by number and numbers by page object."""

    __slots__ = ("_all", "_count", "_found", "_name", "_numbers", "_root")

    def __init__(self, root: object, name: str) -> None:
        """Take the document catalog `root`; `name` is the letter's name for errors."""
        pages = root.get("/Pages") if isinstance(root, Dictionary) else None
        if not isinstance(pages, Dictionary):
            raise InputRefused("document.no_pages", name=name)
        self._root: Dictionary = pages
        self._name = name
        self._count: int | None = None
        self._found: dict[int, PageNode] = {}
        self._all: list[PageNode] | None = None
        self._numbers: dict[ObjectId, int] | None = None

    @property
    def count(self) -> int:
        """Number of pages, 0 for an empty document."""
        if self._count is None:
            self._count = self._believable_count()
            if self._count is None:
                self._count = len(self._walked())
        return self._count

    def find(self, number: int) -> PageNode:
        """Return page `number`; 1 is the first, -1 the last.

        :raises InputRefused: there is no such page.
        """
        wanted = number if number > 0 else self.count + number + 1
        if number == 0 or not 1 <= wanted <= self.count:
            raise InputRefused("document.no_such_page", name=self._name, page=number, pages=self.count)
        node = self._found.get(wanted)
        if node is None:
            try:
                node = self._descend(wanted) if self._all is None else self._all[wanted - 1]
            except _CountsLie:
                self._count = len(self._walked())
                self._found.clear()
                return self.find(number)
            self._found[wanted] = node
        return node

    def number_of(self, object_id: ObjectId) -> int | None:
        """Return the number of the page that is `object_id`, or ``None`` where that is no page of the tree."""
        if self._numbers is None:
            self._numbers = {}
            for number, page in enumerate(self._object_ids(), start=1):
                self._numbers.setdefault(page, number)
        return self._numbers.get(object_id)

    def _believable_count(self) -> int | None:
        kids, count = self._root.get("/Kids"), self._root.get("/Count")
        if not isinstance(kids, Array):
            # A lone page in place of the tree's root is left to the whole walk.
            return None
        if isinstance(count, int) and count == len(kids):
            return count
        total = 0
        for kid in kids.as_list():
            if not isinstance(kid, Dictionary):
                return None
            if "/Kids" in kid:
                inner = kid.get("/Count")
                if not isinstance(inner, int) or inner < 0:
                    return None
                total += inner
            else:
                total += 1
        return total if total == count else None

    def _descend(self, wanted: int) -> PageNode:
        node, index = self._root, wanted - 1
        above: tuple[Dictionary, ...] = ()
        for _ in range(MAX_TREE_DEPTH):
            kids = node.get("/Kids")
            if not isinstance(kids, Array):
                if index or node.objgen == self._root.objgen:
                    raise _CountsLie
                return PageNode(wanted, node, above)
            above = (node, *above)
            if node.get("/Count") == len(kids):
                child = kids[index] if index < len(kids) else None
                if not isinstance(child, Dictionary) or "/Kids" in child:
                    raise _CountsLie
                return PageNode(wanted, child, above)
            for kid in kids.as_list():
                if not isinstance(kid, Dictionary):
                    raise _CountsLie
                inner = kid.get("/Count") if "/Kids" in kid else 1
                if not isinstance(inner, int) or inner < 0:
                    raise _CountsLie
                if index < inner:
                    node = kid
                    break
                index -= inner
            else:
                raise _CountsLie
        raise _CountsLie

    def _walked(self) -> list[PageNode]:
        if self._all is None:
            self._all = [PageNode(number, page, above) for number, (page, above) in enumerate(self._leaves(), start=1)]
        return self._all

    def _leaves(self) -> Iterator[tuple[Dictionary, tuple[Dictionary, ...]]]:
        """Yield every page in order, whatever the counts say. Cycles and excess are cut, not followed."""
        seen: set[ObjectId] = set()
        visited = 0
        stack: list[tuple[object, tuple[Dictionary, ...]]] = [(self._root, ())]
        while stack:
            node, above = stack.pop()
            visited += 1
            if visited > MAX_TREE_NODES or len(above) > MAX_TREE_DEPTH:
                raise InputRefused("document.page_tree", name=self._name)
            if not isinstance(node, Dictionary):
                continue
            kids = node.get("/Kids")
            if isinstance(kids, Array):
                if node.objgen != (0, 0):
                    if node.objgen in seen:
                        continue
                    seen.add(node.objgen)
                stack.extend((kid, (node, *above)) for kid in reversed(kids.as_list()))
            elif above or node.get("/Type") == "/Page":
                yield node, above

    def _object_ids(self) -> Iterator[ObjectId]:
        kids = self._root.get("/Kids")
        if self._all is None and isinstance(kids, Array) and self._root.get("/Count") == len(kids):
            # A flat tree: the references can be read off the array without loading a single page.
            tokens = kids.unparse()[1:-1].split()
            if len(tokens) == 3 * len(kids):
                for position in range(0, len(tokens), 3):
                    yield int(tokens[position]), int(tokens[position + 1])
                return
        for node in self._walked():
            yield node.object_id


def number_or_none(value: object) -> float | None:
    """Return a PDF number as float, ``None`` for anything else and for what no page can have."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def rectangle_or_none(value: object) -> RectPt | None:
    """Return a PDF rectangle with its corners in order (ISO 32000-2, 7.9.5), ``None`` for anything else."""
    if not isinstance(value, Array) or len(value) != 4:
        return None
    corners = [number_or_none(item) for item in cast("list[object]", value.as_list())]
    x0, y0, x1, y1 = corners
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None
    if max(abs(x0), abs(y0), abs(x1), abs(y1)) > _MAX_COORDINATE:
        return None
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _box(value: object) -> RectPt | None:
    rect = rectangle_or_none(value)
    if rect is None or rect[0] >= rect[2] or rect[1] >= rect[3]:
        return None
    return rect


def _rotation(value: object) -> Rotation:
    turn = number_or_none(value)
    if turn is None:
        return 0
    # pdfium's rule, because text and ink are measured with pdfium: whole quarter turns, the rest is cut off.
    return cast("Rotation", (int(turn / 90) % 4) * 90)
