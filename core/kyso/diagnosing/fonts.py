"""The fonts that stamps are drawn with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis

if TYPE_CHECKING:
    from kyso.contracts import Examination

_FACES = (("regular", False, False), ("bold", True, False), ("italic", False, True), ("bold_italic", True, True))


class FontsDiagnostic:
    """Looks at the face chosen for each style."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return which fonts are used and what they lack."""
        import platformdirs

        from kyso_stamps import StampError
        from kyso_stamps.fonts import choose_face
        from kyso_stamps.fontsearch import VIETNAMESE_LETTERS

        fonts = examination.config.font_choice(Path(platformdirs.user_cache_dir("kyso", appauthor=False)))
        used: dict[str, str] = {}
        for style, bold, italic in _FACES:
            try:
                face = choose_face(fonts, bold=bold, italic=italic)
            except StampError as error:
                yield Diagnosis(error.code, "failure", error.parameters)
                continue
            used[face.label] = face.origin
            lacking = [letter for letter in VIETNAMESE_LETTERS if not face.has(letter)]
            if lacking:
                about = {"style": style, "font": face.label, "count": len(lacking), "letters": "".join(lacking[:12])}
                yield Diagnosis("diagnosing.font_lacks", "failure", about)
        if not used:
            return
        packaged = all(origin == "packaged" for origin in used.values())
        yield Diagnosis(
            "diagnosing.fonts_packaged" if packaged else "diagnosing.fonts",
            "warning" if packaged else "ok",
            {"fonts": list(used)},
        )
