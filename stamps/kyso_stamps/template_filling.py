"""Fills a template: values and a picture become a stamp specification.

What has to be there is checked before anything is drawn: every variable that is not optional, the picture, its size.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kyso_stamps.errors import StampError
from kyso_stamps.spec import BoxMm, FrameItem, ImageItem, QrItem, StampItem, StampSpec, TextItem
from kyso_stamps.template import (
    KNOWN_VARIABLES,
    VIETNAM,
    BorderSlot,
    Fragments,
    ImageSlot,
    LinesSlot,
    QrSlot,
    Template,
    shown_moment,
)

if TYPE_CHECKING:
    from kyso_stamps.images import ImageInk

TIME_PATTERN = "%d/%m/%Y %H:%M:%S +07:00"
DATE_PATTERN = "%d/%m/%Y"
LEAST_SIZE_PT = 5.0
"""A template that is scaled into a smaller place is refused where its text would be smaller than this."""

_TOLERANCE_MM = 0.05


def fill_template(
    template: Template,
    values: Mapping[str, object],
    image: Path | None = None,
    *,
    image_mm: tuple[float, float] | None = None,
    place_mm: tuple[float, float] | None = None,
    time_pattern: str = TIME_PATTERN,
    cache_dir: Path | None = None,
) -> StampSpec:
    """Return the stamp that a template makes of `values`.

    :param values: the variables' values: text, a date, an aware datetime. ``None`` and empty text are no value. Known
        variables that the template does not name are left aside, unknown ones refused.
    :param image: the picture; left aside by a template without a place for one.
    :param image_mm: true width and height of the picture's visible part, for templates that show it so.
    :param place_mm: width and height of the place: the stamp is as large as that, with the template centred in it,
        made smaller where it has to be. ``None`` keeps the template's own size.
    :param time_pattern: strftime pattern for times where the template has none; they are Vietnam's.
    :param cache_dir: where measured pictures are kept between runs.
    :raises StampError: ``stamp.template_value_missing``, ``stamp.template_no_such_value``,
        ``stamp.template_value_wrong``, ``stamp.template_image_missing``, ``stamp.template_image_size_missing``,
        ``stamp.template_image_too_large``, ``stamp.template_place_too_small``, or what is wrong with the picture.
    """
    filled = _Filling(template, values, time_pattern)
    items: list[StampItem] = []
    for slot in template.slots:
        item = _image(slot, template, image, image_mm, cache_dir) if isinstance(slot, ImageSlot) else filled.item(slot)
        if item is not None:
            items.append(item)
    spec = StampSpec(template.width_mm, template.height_mm, tuple(items))
    return spec if place_mm is None else _placed(spec, template, *place_mm)


class _Filling:
    """The texts of a template with their values."""

    def __init__(self, template: Template, values: Mapping[str, object], time_pattern: str) -> None:
        known = {variable.name: variable for variable in template.variables}
        for name in values:
            if name not in known and name not in KNOWN_VARIABLES:
                raise StampError(
                    "stamp.template_no_such_value", template=template.name, variable=name, known=sorted(known) or "-"
                )
        given = {name: value for name, value in values.items() if value is not None and value != ""}
        missing = [name for name in known if name in template.required and name not in given]
        if missing:
            raise StampError("stamp.template_value_missing", template=template.name, variables=missing)
        self._values = given
        self._kinds = {name: variable.kind for name, variable in known.items()}
        self._template = template
        self._time_pattern = time_pattern

    def item(self, slot: BorderSlot | QrSlot | LinesSlot) -> StampItem | None:
        """Return a slot as it is drawn; ``None`` where nothing of it is left."""
        if isinstance(slot, BorderSlot):
            return FrameItem(slot.box_mm, slot.line_pt, slot.colour, slot.fill)
        if isinstance(slot, QrSlot):
            content = self._text(slot.content)
            return QrItem(content, slot.box_mm, slot.error_correction, slot.colour) if content else None
        lines = tuple(line for line in map(self._text, slot.text) if line is not None)
        if not any(lines):
            return None
        return TextItem(
            lines,
            slot.box_mm,
            size_pt=slot.size_pt,
            min_size_pt=slot.min_size_pt,
            align=slot.align,
            vertical=slot.vertical,
            bold=slot.bold,
            italic=slot.italic,
            colour=slot.colour,
            leading=slot.leading,
            wrap=slot.wrap,
        )

    def _text(self, fragments: Fragments) -> str | None:
        """Return a text with its values; ``None`` where an optional variable has none."""
        parts: list[str] = []
        for fragment in fragments:
            if isinstance(fragment, str):
                parts.append(fragment)
            elif fragment.name in self._values:
                parts.append(self._value(fragment.name, fragment.pattern))
            else:
                return None
        return "".join(parts)

    def _value(self, name: str, pattern: str | None) -> str:
        value, kind = self._values[name], self._kinds[name]
        if isinstance(value, str) and pattern is None:
            return unicodedata.normalize("NFC", value)
        fits = isinstance(value, date) and kind != "text" and (kind == "date" or isinstance(value, datetime))
        if not fits or (isinstance(value, datetime) and value.tzinfo is None):
            raise StampError("stamp.template_value_wrong", template=self._template.name, variable=name, kind=kind)
        assert isinstance(value, date)
        if pattern is None and isinstance(value, datetime) and kind == "time":
            return value.astimezone(VIETNAM).strftime(self._time_pattern)
        return shown_moment(value, pattern or DATE_PATTERN)


def _image(
    slot: ImageSlot,
    template: Template,
    image: Path | None,
    image_mm: tuple[float, float] | None,
    cache_dir: Path | None,
) -> ImageItem | None:
    """Return the picture so that what is visible of it stands where the slot says."""
    from kyso_stamps.images import image_ink

    if slot.file is not None:
        assert template.folder is not None
        path = template.folder / slot.file
    elif image is not None:
        path = image
    elif slot.required:
        raise StampError("stamp.template_image_missing", template=template.name)
    else:
        return None
    ink = image_ink(path, cache_dir)
    shown = _shown(slot, ink, (template.width_mm, template.height_mm))
    if slot.fit == "contain":
        height = shown.largest
    elif image_mm is None:
        raise StampError("stamp.template_image_size_missing", template=template.name)
    else:
        height = min(image_mm[1], image_mm[0] / shown.aspect)
        width = height * shown.aspect
        if width > slot.box_mm[2] + _TOLERANCE_MM or height > slot.box_mm[3] + _TOLERANCE_MM:
            raise StampError(
                "stamp.template_image_too_large",
                template=template.name,
                width=f"{width:.1f}",
                height=f"{height:.1f}",
                box=f"{slot.box_mm[2]:g} x {slot.box_mm[3]:g}",
            )
        if height > shown.largest + _TOLERANCE_MM:
            raise StampError("stamp.template_image_margins", template=template.name, name=path.name)
    return ImageItem(path, shown.at(height), fit="exact")


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture in a slot, by the height of its visible part.

    :param aspect: width : height of the visible part.
    :param left: left edge of the whole picture: at height 0, and how it moves with each mm of height; so with `top`.
    :param size: width and height of the whole picture for each mm of height.
    :param largest: the greatest height at which the visible part stays in the slot and the whole picture in the stamp:
        an opaque margin must be seen, not cut off.
    """

    aspect: float
    left: tuple[float, float]
    top: tuple[float, float]
    size: tuple[float, float]
    largest: float

    def at(self, height: float) -> BoxMm:
        """Return the box of the whole picture for a height of the visible part."""
        left, top = self.left[0] + self.left[1] * height, self.top[0] + self.top[1] * height
        return left, top, self.size[0] * height, self.size[1] * height


def _shown(slot: ImageSlot, ink: ImageInk, stamp_mm: tuple[float, float]) -> _Shown:
    left, top, right, bottom = ink.ink
    aspect = (right - left) * ink.width_px / ((bottom - top) * ink.height_px)
    x, y, width, height = slot.box_mm
    size = (aspect / (right - left), 1 / (bottom - top))
    across = {"left": 0.0, "centre": 0.5, "right": 1.0}[slot.align]
    down = {"top": 0.0, "middle": 0.5, "bottom": 1.0}[slot.vertical]
    edges = (
        (x + width * across, -aspect * across - left * size[0]),
        (y + height * down, -down - top * size[1]),
    )
    limits = [width / aspect, height]
    for (start, by), whole, within in zip(edges, size, stamp_mm, strict=True):
        if by < 0:
            limits.append(start / -by)
        if by + whole > 0:
            limits.append((within - start) / (by + whole))
    return _Shown(aspect, edges[0], edges[1], size, min(limits))


def _placed(spec: StampSpec, template: Template, width_mm: float, height_mm: float) -> StampSpec:
    """Return `spec` in the middle of a place, made smaller where it has to be."""
    scale = min(1.0, width_mm / spec.width_mm, height_mm / spec.height_mm)
    smallest = min((item.size_pt * scale for item in spec.items if isinstance(item, TextItem)), default=LEAST_SIZE_PT)
    if scale < 1 and (template.true_size or smallest < LEAST_SIZE_PT):
        raise StampError(
            "stamp.template_place_too_small",
            template=template.name,
            place=f"{width_mm:g} x {height_mm:g}",
            size=f"{spec.width_mm:g} x {spec.height_mm:g}",
        )
    left, top = (width_mm - spec.width_mm * scale) / 2, (height_mm - spec.height_mm * scale) / 2
    return StampSpec(width_mm, height_mm, tuple(_moved(item, scale, left, top) for item in spec.items))


def _moved(item: StampItem, scale: float, left: float, top: float) -> StampItem:
    x, y, width, height = item.box_mm
    box: BoxMm = (x * scale + left, y * scale + top, width * scale, height * scale)
    if isinstance(item, TextItem):
        size = item.size_pt * scale
        smallest = max(item.min_size_pt * scale, min(LEAST_SIZE_PT, item.min_size_pt))
        return dataclasses.replace(item, box_mm=box, size_pt=size, min_size_pt=smallest)
    if isinstance(item, FrameItem):
        return dataclasses.replace(item, box_mm=box, line_pt=item.line_pt * scale)
    return dataclasses.replace(item, box_mm=box)
