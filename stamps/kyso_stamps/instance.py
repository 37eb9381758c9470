"""Makes a static font of a variable one, at the weight a stamp needs.

A PDF embeds static fonts only. At its default place a variable font's outlines stand in `glyf` as they are; anywhere
else they are computed by fontTools, once, for the repertoire of Vietnamese letters and kept in the cache.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import struct
from typing import TYPE_CHECKING

from kyso_stamps import cache
from kyso_stamps.errors import StampError
from kyso_stamps.sfnt import FontFile, parse_font

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DROPPED = ["GSUB", "GPOS", "GDEF", "BASE", "JSTF", "DSIG", "STAT", "MVAR", "kern", "hdmx", "LTSH", "VDMX", "meta"]


def location(font: FontFile, *, bold: bool) -> dict[str, float] | None:
    """Return where on its axes `font` has the asked weight, or ``None`` where that is how it stands in the file."""
    wished = {"wght": 700.0 if bold else 400.0}
    place = {axis.tag: min(max(wished.get(axis.tag, axis.default), axis.minimum), axis.maximum) for axis in font.axes}
    return None if all(place[axis.tag] == axis.default for axis in font.axes) else place


def instantiate(font: FontFile, place: dict[str, float], characters: Iterable[str], cache_dir: Path | None) -> FontFile:
    """Return `font` at `place` as a static font that has `characters`.

    :raises StampError: ``stamp.font_broken``.
    """
    wanted = sorted({ord(character) for character in characters})
    content = hashlib.sha256(b"".join(font.tables.values())).hexdigest()
    key = json.dumps([content, place, wanted], sort_keys=True)
    found = cache.load(cache_dir, "instance", key)
    program = found[1] if found else _instance(font, place, wanted)
    if found is None:
        cache.store(cache_dir, "instance", key, {"font": font.label}, program)
    static = parse_font(program, font.path, f"{font.identity}-{hashlib.sha256(program).hexdigest()[:16]}")
    weight = round(place.get("wght", font.weight))
    style = ("Bold" if weight >= 600 else "") + ("Italic" if font.italic else "") or "Regular"
    return dataclasses.replace(
        static,
        family=font.family,
        subfamily=style,
        postscript_name=f"{font.postscript_name.partition('-')[0]}-{style}",
        weight=weight,
        bold=weight >= 600,
        italic=font.italic,
        axes=(),
    )


def _instance(font: FontFile, place: dict[str, float], wanted: list[int]) -> bytes:
    import logging

    from fontTools import subset
    from fontTools.ttLib import TTFont, TTLibError
    from fontTools.varLib import instancer

    # fontTools tells the root logger of every table it leaves out, which is nothing to a person who signs.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    options = subset.Options(hinting=False, notdef_outline=True, layout_features=[], name_IDs=[1, 2, 6])
    options.drop_tables += _DROPPED
    try:
        with font.path.open("rb") as file, TTFont(file, lazy=True) as opened:
            subsetter = subset.Subsetter(options)
            subsetter.populate(unicodes=wanted)
            subsetter.subset(opened)
            instancer.instantiateVariableFont(opened, place, inplace=True)
            output = io.BytesIO()
            opened.save(output)
    except (
        TTLibError,
        instancer.varLib.errors.VarLibError,
        struct.error,
        AssertionError,
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        OSError,
    ) as error:
        # fontTools answers a damaged variable font with whatever its reader stumbles over.
        raise StampError("stamp.font_broken", font=font.path.name) from error
    return output.getvalue()
