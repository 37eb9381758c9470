"""What is opened, what is refused and why, and what hostile bytes can do: nothing."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pikepdf
import pytest

import kyso
from kyso.document.fitness import check_fitness, repair
from kyso.document.opening import open_letter
from kyso.errors import InputRefused, KysoError
from kyso.text import LANGUAGES, has_text, message, next_step
from kyso.update.writer import write_update
from tests.core.update import shapes
from tests.core.update.signed import plan, sign
from tests.support.judges import pyhanko_validate

PLAIN = shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.disable)
STREAM = shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.generate)


def refusal(source: Path | bytes) -> str:
    """Return the code with which `source` is refused."""
    with pytest.raises(InputRefused) as refused, open_letter(source):
        pass
    error = refused.value
    assert has_text(error.code)
    for language in LANGUAGES:
        assert "{" not in error.message(language)
        assert error.next_step(language)
    return error.code


def test_a_letter_is_opened_from_a_path_and_from_bytes(tmp_path: Path) -> None:
    """Both give the same answers; the name is the file's, or the one given."""
    path = tmp_path / "Công văn.pdf"
    path.write_bytes(PLAIN)
    with open_letter(path) as from_path, open_letter(PLAIN, name="x") as from_bytes:
        assert (from_path.name, from_bytes.name) == ("Công văn.pdf", "x")
        assert from_path.size == from_bytes.size == len(PLAIN)
        assert from_path.page(1) == from_bytes.page(1)
        assert from_path.xref_form == "table"
        assert not from_path.is_damaged
        assert from_path.damage is None


def test_a_large_file_is_mapped_and_answers_alike(tmp_path: Path) -> None:
    """A file beyond the size that is read at once gives the same structure."""

    def padded(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Padding = pdf.make_stream(os.urandom(6 * 1024 * 1024))

    path = tmp_path / "large.pdf"
    path.write_bytes(shapes.built(padded))
    with open_letter(path) as letter:
        assert letter.page_count == 2
        assert letter.newest_section.offset > 6 * 1024 * 1024
        assert letter.read_at(0, 5) == b"%PDF-"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "document.empty"),
        (b"Not a PDF at all", "document.not_pdf"),
        (b"\x00" * 5000 + PLAIN, "document.not_pdf"),
        (b"%PDF-1.7\nnothing more", "document.beyond_repair"),
        (PLAIN[: len(PLAIN) // 8], "document.beyond_repair"),
        (PLAIN[: len(PLAIN) * 6 // 10], "document.damaged"),
        (b"junk\n" + PLAIN, "document.junk_before_header"),
        (b"\xef\xbb\xbf" + PLAIN, "document.junk_before_header"),
        (PLAIN.replace(b"startxref", b"startxxxx"), "document.damaged"),
        (PLAIN[: PLAIN.rindex(b"startxref")] + b"startxref\n99999999\n%%EOF\n", "document.damaged"),
        (PLAIN[: PLAIN.rindex(b"startxref")] + b"startxref\n12\n%%EOF\n", "document.damaged"),
        (PLAIN.replace(b"trailer <<", b"trailer << /Kept }"), "document.damaged"),
        (PLAIN.replace(b"trailer <<", b"trailer << /Kept#"), "document.damaged"),
        (PLAIN.replace(b" 00000 n \n", b"  00000 n \n", 1), "document.damaged"),
        (PLAIN.replace(b" 00000 n \n", b" 00000 n   \n", 1), "document.damaged"),
        (shapes.by_hand(shapes.minimal(pages=b"<< /Type /Pages /Kids [ ] /Count 0 >>")), "document.no_pages"),
        (shapes.by_hand(shapes.minimal(catalog=b"<< /Type /Catalog >>")), "document.beyond_repair"),
        (shapes.by_hand(shapes.minimal(catalog=b"<< /Type /Catalog /Pages [ ] >>")), "document.beyond_repair"),
    ],
)
def test_what_cannot_be_signed_is_refused_with_its_reason(data: bytes, code: str) -> None:
    """Each kind of unusable file has a code of its own, words in both languages and a next step."""
    assert refusal(data) == code


def test_a_damaged_file_with_a_signature_is_not_offered_a_repair() -> None:
    """Where a signature exists the advice is to ask for the original."""
    signed = sign(PLAIN)
    assert refusal(signed.replace(b"startxref", b"startxxxx")) == "document.damaged_signed"
    assert refusal(b"junk\n" + signed) == "document.damaged_signed"


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and an unreadable file never hang and never trace back."""
    assert refusal(tmp_path / "missing.pdf") == "document.not_found"
    assert refusal(tmp_path) == "document.not_a_file"
    pipe = tmp_path / "pipe.pdf"
    os.mkfifo(pipe)
    outcome: list[str] = []
    thread = threading.Thread(target=lambda: outcome.append(refusal(pipe)), daemon=True)
    thread.start()
    thread.join(5)
    assert outcome == ["document.not_a_file"]


def test_a_repair_makes_a_damaged_file_signable() -> None:
    """The repaired letter has the same pages and is signed like any other."""
    for broken in (PLAIN.replace(b"startxref", b"startxxxx"), b"junk\n" + PLAIN):
        mended = repair(broken)
        with open_letter(mended) as letter:
            assert letter.page_count == 2
            assert letter.page(1).visible_pt == (0.0, 0.0, 595.0, 842.0)
        with open_letter(sign(mended)) as letter:
            assert letter.signature_count == 1


def test_a_cut_file_is_not_repaired_into_blank_pages() -> None:
    """Where a page's content was cut off there is nothing to repair: a signature would vouch for an empty page."""
    end = PLAIN.index(b"xref\n")
    for length in range(PLAIN.index(b"endstream") + 40, end - 8, 20):
        cut = PLAIN[:length]
        with open_letter(cut, repairing=True) as letter:
            assert letter.is_damaged
        with pytest.raises(InputRefused) as refused:
            repair(cut)
        assert refused.value.code == "document.beyond_repair"


def test_a_repair_never_touches_a_signature() -> None:
    """A signed file is refused, also when the way from its form to the signature is lost."""
    signed = sign(PLAIN)
    lost = signed.replace(b"/AcroForm", b"/AcroLost")
    for file in (signed, signed.replace(b"startxref", b"startxxxx"), lost):
        with pytest.raises(InputRefused) as refused:
            repair(file)
        assert refused.value.code == "document.damaged_signed"


def test_a_single_wrong_entry_is_no_reason_to_refuse() -> None:
    """A cross-reference table with one wrong offset, which readers get over, is signed as it is."""
    start = PLAIN.rindex(b"startxref")
    table = PLAIN.index(b"xref\n", 0)
    lines = PLAIN[table:start].split(b"\n")
    # The producer's /Info is the entry that no reader needs.
    with open_letter(PLAIN) as letter:
        info = letter.pdf.trailer.Info.objgen[0]
    line = 2 + info
    lines[line] = b"%010d" % (int(lines[line][:10]) + 3) + lines[line][10:]
    signed = sign(PLAIN[:table] + b"\n".join(lines) + PLAIN[start:])
    with open_letter(signed) as letter:
        assert letter.signature_count == 1


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n", b" \r"])
def test_line_ends_in_the_table_that_readers_forgive_are_taken(ending: bytes) -> None:
    """Entries of 19 and 20 bytes are signed as they are, and pyHanko still finds the signature."""
    start = PLAIN.rindex(b"startxref")
    table = PLAIN.index(b"xref\n", 0)
    signed = sign(PLAIN[:table] + PLAIN[table:start].replace(b" \n", ending) + PLAIN[start:])
    (found,) = pyhanko_validate(signed)
    assert found.intact
    assert found.valid


def test_a_file_repaired_for_its_trailer_can_be_signed() -> None:
    """What is refused as damaged because of its trailer or its entries is repairable."""
    for broken in (
        PLAIN.replace(b"trailer <<", b"trailer << /Kept }"),
        PLAIN.replace(b" 00000 n \n", b" 00000 n   \n", 1),
    ):
        with open_letter(sign(repair(broken))) as letter:
            assert letter.signature_count == 1


@pytest.mark.parametrize("original", [PLAIN, STREAM, shapes.hybrid()], ids=["table", "stream", "hybrid"])
def test_no_damage_causes_anything_but_a_refusal(original: bytes) -> None:
    """Five hundred files with bytes changed, cut or doubled are either handled or refused with a code."""
    seed = random.Random(7)
    codes: set[str] = set()
    for _ in range(500):
        data = bytearray(original)
        for _ in range(seed.randint(1, 6)):
            kind, place = seed.randint(0, 3), seed.randrange(len(data))
            if kind == 0:
                data[place] = seed.randrange(256)
            elif kind == 1:
                del data[place : place + seed.randint(1, 80)]
            elif kind == 2:
                data[place:place] = data[place : place + seed.randint(1, 80)]
            else:
                data[place : place + 4] = seed.choice((b" 0 R", b"<<<<", b"[ [ ", b"9999", b"null"))
        try:
            with open_letter(bytes(data)) as letter:
                _ = letter.signature_fields, letter.docmdp, letter.field_locks, letter.widgets_mm(1)
                findings = check_fitness(letter, field=None, visible=True)
                if not any(finding.refuse for finding in findings):
                    assert write_update(letter, plan()).data
        except KysoError as error:
            codes.add(error.code)
    assert codes
    assert all(map(has_text, codes))


def test_deeply_nested_objects_are_refused() -> None:
    """An object nested ten thousand deep neither ends the process nor escapes as something else."""
    data = shapes.by_hand(
        shapes.minimal(page=b"<< /Type /Page /Parent 2 0 R /MediaBox " + b"[" * 10_000 + b"]" * 10_000 + b" >>")
    )
    with pytest.raises(InputRefused) as refused, open_letter(data) as letter:
        letter.page(1)
    assert refused.value.code.startswith("document.")


def test_opening_a_huge_file_takes_little_memory(tmp_path: Path) -> None:
    """A file of 300 MB (sparse) is opened and extended with less than 40 MiB beyond the bare interpreter's imports."""
    path = tmp_path / "huge.pdf"
    gap = 300 * 1024 * 1024
    head = b"%PDF-1.4\n" + b"".join(
        b"%d 0 obj\n%b\nendobj\n" % (number, source) for number, source in shapes.minimal().items()
    )
    offsets = [head.index(b"%d 0 obj" % number) for number in (1, 2, 3)]
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    with path.open("wb") as file:
        file.write(head)
        file.seek(gap)
        file.write(table + b"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % gap)
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tests.core.update.signed import plan, prepare\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "prepare(Path(sys.argv[1]), plan())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 40 * 1024


def test_opening_loads_nothing_heavy() -> None:
    """Reading a letter and writing an update leave pyHanko, SQLAlchemy and the like unloaded."""
    script = (
        "import sys\n"
        "from kyso.document.fitness import check_fitness\n"
        "from kyso.document.opening import open_letter\n"
        "from kyso.update.files import PreparedFile\n"
        "from kyso.update.writer import write_update\n"
        "heavy = {'pyhanko', 'sqlalchemy', 'pydantic', 'fontTools', 'reportlab', 'fastapi', 'asyncio'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_code_of_this_room_has_words_in_both_languages() -> None:
    """No refusal or finding of reading and writing is without a text, and every next step says something."""
    folder = Path(kyso.__file__).parent
    codes = {
        code
        for room in ("document", "update")
        for file in (folder / room).glob("*.py")
        for code in re.findall(r'"((?:document|signing|output|prepared)\.[a-z_]+)"', file.read_text("utf-8"))
    } - {"document.pdf"}
    assert len(codes) > 40
    for code in codes:
        for language in LANGUAGES:
            assert message(code, language) != code
            step = next_step(code, language)
            assert step is None or step.strip()
