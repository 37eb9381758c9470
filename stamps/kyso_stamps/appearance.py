"""The output of the stamp engine: a form XObject and what it needs, as finished PDF source.

An :class:`Appearance` is plain bytes. The writer gives each part an object number, fills in the references and writes
it; nothing has to be parsed again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One PDF object of an appearance.

    :param head: the object's source in pieces: bytes as they are, an ``int`` stands for a reference to the part of
        that index (written ``12 0 R``). For a stream it is the dictionary from ``<<`` to ``>>`` without /Length
        (and, in the first part, without /Matrix), which the writer adds after the ``<<``.
    :param stream: the stream's data with its /Filter already applied, or ``None`` for an object without a stream.
    :param key: equal for parts that are equal, so that signatures of one file can share fonts and pictures; empty
        for parts that are never shared.
    """

    head: tuple[bytes | int, ...]
    stream: bytes | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A drawn stamp: ``parts[0]`` is the form XObject, with /BBox ``[0 0 width_pt height_pt]``, upright.

    :param width_pt: width in points (1/72 inch).
    :param height_pt: height in points.
    """

    width_pt: float
    height_pt: float
    parts: tuple[Part, ...]
