"""The cache on disk, cold processes, speed, and the catalogues."""

from __future__ import annotations

import string
import subprocess
import sys
import tomllib
import unicodedata
from importlib import resources
from pathlib import Path

import pytest

import kyso_stamps
from kyso_stamps import ImageItem, StampSpec, cache, fonts, images
from kyso_stamps.appearance import Part
from kyso_stamps.draw import draw
from kyso_stamps.fonts import FontChoice, packaged_serif

PARTS = (Part((b"<</A ", 1, b">>"), b"\x00\xff data", "k1"), Part((b"<<>>",), None, "k2"))


def forget_memory() -> None:
    """Make this process as forgetful as a new one."""
    for remembered in (fonts._choose, fonts._instantiated, images._ink, images._prepared):
        remembered.cache_clear()
    fonts._subsets.clear()


def test_parts_come_back_as_they_were(tmp_path: Path) -> None:
    """Heads with references, streams, absent streams and keys survive; another key finds nothing."""
    cache.store_parts(tmp_path / "new" / "folder", "image", "a", {"width": 3}, PARTS)
    found = cache.load_parts(tmp_path / "new" / "folder", "image", "a")
    assert found is not None
    assert (found[0]["width"], found[1]) == (3, PARTS)
    assert cache.load_parts(tmp_path / "new" / "folder", "image", "b") is None
    assert cache.load_parts(tmp_path / "new" / "folder", "ink", "a") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign", "folder"])
def test_a_damaged_entry_is_made_again(damage: str, seal: Path, tmp_path: Path) -> None:
    """A cache that is not what was stored changes nothing in the stamp."""
    spec = StampSpec(36, 36, (ImageItem(seal, (0, 0, 36, 36)),))
    choice = FontChoice(cache_dir=tmp_path)
    forget_memory()
    sound = draw(spec, choice)
    (entry,) = tmp_path.iterdir()
    content = entry.read_bytes()
    entry.unlink()
    if damage == "folder":
        entry.mkdir()
    else:
        broken = {"flip": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:], "cut": content[:200], "empty": b""}
        entry.write_bytes(broken.get(damage, b"something else entirely"))
    forget_memory()
    assert draw(spec, choice) == sound
    assert damage == "folder" or entry.read_bytes() == content
    assert not list(tmp_path.glob("*.tmp"))


def test_an_entry_with_a_wrong_shape_counts_as_absent(tmp_path: Path) -> None:
    """A sound entry whose header is not that of parts is not believed."""
    cache.store(tmp_path, "image", "a", {"parts": [[1, 2]]}, b"")
    assert cache.load_parts(tmp_path, "image", "a") is None


def test_a_folder_that_cannot_be_written_stops_nothing(seal: Path, tmp_path: Path) -> None:
    """Without a usable cache the stamp is drawn all the same."""
    (tmp_path / "file").write_bytes(b"")
    spec = StampSpec(36, 36, (ImageItem(seal, (0, 0, 36, 36)),))
    assert draw(spec, FontChoice(cache_dir=tmp_path / "file" / "below")).parts


def test_the_cache_does_not_grow_without_end(tmp_path: Path) -> None:
    """The oldest entries go first."""
    for number in range(cache.MAX_ENTRIES + 5):
        cache.store(tmp_path, "ink", str(number), {}, b"")
    assert len(list(tmp_path.iterdir())) == cache.MAX_ENTRIES
    assert cache.load(tmp_path, "ink", str(cache.MAX_ENTRIES + 4)) is not None


COLD = """
import sys
from pathlib import Path
from kyso_stamps import ImageItem, StampSpec, TextItem
from kyso_stamps.draw import draw
from kyso_stamps.fonts import FontChoice
fonts = FontChoice(regular=Path(sys.argv[1]), cache_dir=Path(sys.argv[2]))
text = TextItem(("Nguyễn Hữu Đức",), (36, 0, 50, 10)), TextItem(("Chủ tịch",), (36, 10, 50, 10), bold=True)
draw(StampSpec(90, 36, (ImageItem(Path(sys.argv[3]), (0, 0, 36, 36)), *text)), fonts)
print(*sorted({"fontTools", "PIL", "pikepdf", "pyhanko", "reportlab", "numpy", "asyncio"} & set(sys.modules)))
"""


def test_a_cold_process_with_a_warm_cache_needs_no_libraries(seal: Path, tmp_path: Path) -> None:
    """The second process draws picture, regular and bold text without fontTools, Pillow or pikepdf."""
    loaded = []
    for _ in range(2):
        command = [sys.executable, "-c", COLD, str(packaged_serif()), str(tmp_path), str(seal)]
        loaded.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())
    assert loaded == [["PIL", "fontTools"], []]


def test_static_fonts_never_need_fonttools(seal: Path, tmp_path: Path) -> None:
    """Regular text is subset from the font's own tables even without a cache."""
    code = COLD.replace(', TextItem(("Chủ tịch",), (36, 10, 50, 10), bold=True)', ",")
    command = [sys.executable, "-c", code, str(packaged_serif()), str(tmp_path), str(seal)]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split() == ["PIL"]


def test_every_code_has_words_in_both_languages() -> None:
    """Each code that the stamp engine raises has message and next step in Vietnamese and English, with equal places."""
    import re

    from kyso_stamps.template import KNOWN_VARIABLES

    source = "".join(path.read_text("utf-8") for path in Path(kyso_stamps.__file__).parent.glob("*.py"))
    raised = set(re.findall(r'"((?:stamp|picture)\.[a-z0-9_]+)"', source))
    # Problems of templates and findings about pictures are put together: a prefix and what is wrong.
    raised |= {f"stamp.template_{what}" for what in re.findall(r'_add\(\s*"([a-z_]+)"', source)}
    raised |= {f"stamp.template_wrong_{what}" for what in re.findall(r'_Unfit\(\s*"([a-z_]+)"', source)}
    raised |= {f"picture.{what}" for what in re.findall(r'find\(\s*"([a-z_]+)"', source)}
    raised |= {f"picture.{what}_{kind}" for what in ("colourless", "wrong_hue") for kind in ("signature", "seal")}
    raised |= {f"stamp.template_wrong_{what}" for what in ("mm", "points", "number")}
    tables: dict[str, dict[str, dict[str, str]]] = {"vi": {}, "en": {}}
    for language, table in tables.items():
        for name in (f"messages.{language}.toml", f"messages.templates.{language}.toml"):
            text = (resources.files("kyso_stamps") / name).read_text("utf-8")
            assert unicodedata.is_normalized("NFC", text)
            table.update(tomllib.loads(text))
    meanings = {f"stamp.variable.{name}" for name in KNOWN_VARIABLES}
    assert set(tables["vi"]) == set(tables["en"]) == raised | meanings
    for code in raised:
        vietnamese, english = tables["vi"][code], tables["en"][code]
        assert vietnamese["next"]
        assert english["next"]
        assert _places(vietnamese["message"]) == _places(english["message"])


def _places(message: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}
