"""Outputs are complete or not there; prepared files are what they were, small or large."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from kyso.errors import InputRefused, WrongUse
from kyso.update.files import PreparedFile, write_output
from kyso.update.plan import Update
from tests.core.update import shapes
from tests.core.update.signed import plan, prepare

MIB = 1024 * 1024
GAP = b"<" + b"0" * 64 + b">"


def update_for(original_size: int, **changes: object) -> Update:
    """Return an update whose /Contents takes 32 bytes."""
    head, rest = b"head of the update ", b" rest"
    start = original_size + len(head)
    return Update(
        data=head + GAP + rest,
        byte_range=(0, start, start + len(GAP), len(rest)),
        field="f",
        signature_number=1,
        **changes,  # type: ignore[arg-type]
    )


def leftovers(folder: Path) -> list[str]:
    """Return the names of temporary files in `folder`."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".kyso")]


@pytest.fixture(params=[100_000, 9 * MIB], ids=["small", "large"])
def original(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is prepared in memory, and one that is prepared on the disk."""
    path = tmp_path / "original.pdf"
    path.write_bytes(os.urandom(request.param))
    return path


def test_a_prepared_file_is_the_original_with_its_update(original: Path, tmp_path: Path) -> None:
    """Digest, second digest, embedding and publishing give exactly the expected bytes, and leave nothing else."""
    update = update_for(original.stat().st_size)
    whole = original.read_bytes() + update.data
    expected = hashlib.sha256(whole.replace(GAP, b"")).digest()
    file = PreparedFile.create(original, update, tmp_path)
    assert file.size == len(whole)
    assert file.digest("sha256") == expected
    assert file.is_empty()
    assert file.digest("sha256", again=True) == expected
    assert file.digest("sha512", again=True) == hashlib.sha512(whole.replace(GAP, b"")).digest()
    file.embed(b"\xab\xcd")
    assert not file.is_empty()
    out = tmp_path / "out.pdf"
    assert file.publish(out) == out
    assert out.read_bytes() == whole.replace(GAP, b"<abcd" + b"0" * 60 + b">")
    assert leftovers(tmp_path) == []


def test_without_a_folder_the_result_is_bytes(original: Path) -> None:
    """A letter that is to be returned and not written never touches the disk."""
    update = update_for(original.stat().st_size)
    file = PreparedFile.create(original, update, None)
    assert file.publish(None) == original.read_bytes() + update.data


def test_a_change_after_the_first_digest_shows_in_the_second(tmp_path: Path) -> None:
    """The check before embedding reads the prepared file itself, also when it was hashed before the change."""
    original = tmp_path / "original.pdf"
    original.write_bytes(bytes(9 * MIB))
    file = PreparedFile.create(original, update_for(9 * MIB), tmp_path)
    before = file.digest("sha256")
    assert file.digest("sha256", again=True) == before
    (temporary,) = leftovers(tmp_path)
    with (tmp_path / temporary).open("r+b") as tampered:
        tampered.seek(1000)
        tampered.write(b"x")
    assert file.digest("sha256", again=True) != before
    file.discard()


def test_a_source_that_changed_since_it_was_judged_is_refused(tmp_path: Path) -> None:
    """What is signed is what was opened: another file under the same name and of the same size is refused."""
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(shapes.built())
    update = prepare(letter, plan())
    exchanged = tmp_path / "exchanged.pdf"
    exchanged.write_bytes(letter.read_bytes())
    exchanged.replace(letter)
    with pytest.raises(InputRefused) as refused:
        PreparedFile.create(letter, update, tmp_path)
    assert refused.value.code == "document.changed_meanwhile"
    assert leftovers(tmp_path) == []


def test_a_prepared_file_is_finished_from_the_disk(original: Path, tmp_path: Path) -> None:
    """A kept preparation is opened as a copy, gives the same digest, and stays as it is."""
    update = update_for(original.stat().st_size)
    kept, out = tmp_path / "kept.pdf", tmp_path / "out.pdf"
    first = PreparedFile.create(original, update, tmp_path)
    digest = first.digest("sha256")
    first.publish(kept)
    content = kept.read_bytes()
    again = PreparedFile.reopen(kept, update.byte_range, tmp_path)
    assert again.is_empty()
    assert again.digest("sha256", again=True) == digest
    assert PreparedFile.reopen(kept, update.byte_range, tmp_path).digest("sha256") == digest
    again.embed(b"\x01")
    again.publish(out)
    assert kept.read_bytes() == content
    assert out.stat().st_size == len(content)


def test_a_shortened_preparation_is_refused(tmp_path: Path) -> None:
    """A kept file of another size is not the one that was prepared."""
    kept = tmp_path / "kept.pdf"
    kept.write_bytes(b"%PDF-1.7 cut off")
    with pytest.raises(InputRefused) as refused:
        PreparedFile.reopen(kept, update_for(100_000).byte_range, tmp_path)
    assert refused.value.code == "prepared.changed"


def test_a_cms_beyond_the_reserved_space_is_refused(original: Path, tmp_path: Path) -> None:
    """The space never grows: what does not fit is refused and nothing is written."""
    with PreparedFile.create(original, update_for(original.stat().st_size), tmp_path) as file:
        with pytest.raises(InputRefused) as refused:
            file.embed(bytes(33))
        assert refused.value.code == "prepared.no_room"
        assert file.is_empty()
        file.embed(bytes(32))
    assert leftovers(tmp_path) == []


def test_a_discarded_file_is_gone_and_says_so(tmp_path: Path) -> None:
    """Discarding removes the temporary file at once, also while it is being copied, and twice is harmless."""
    original = tmp_path / "original.pdf"
    original.write_bytes(bytes(64 * MIB))
    file = PreparedFile.create(original, update_for(64 * MIB), tmp_path)
    file.discard()
    file.discard()
    assert leftovers(tmp_path) == []
    with pytest.raises(InputRefused) as refused:
        file.digest("sha256", again=True)
    assert refused.value.code == "prepared.discarded"


@pytest.mark.parametrize("kind", ["same", "hard link", "symbolic link", "other spelling"])
def test_the_input_is_never_the_output(kind: str, original: Path, tmp_path: Path) -> None:
    """Under its own name, a link or another spelling, with and without leave to overwrite, the input stays."""
    out = tmp_path / "out.pdf"
    if kind == "same":
        out = original
    elif kind == "hard link":
        os.link(original, out)
    elif kind == "symbolic link":
        out.symlink_to(original)
    else:
        (tmp_path / "folder").mkdir()
        out = tmp_path / "folder" / ".." / original.name
    content = original.read_bytes()
    for overwrite in (False, True):
        file = PreparedFile.create(original, update_for(len(content)), tmp_path)
        with pytest.raises(WrongUse) as refused:
            file.publish(out, overwrite=overwrite)
        assert refused.value.code == "output.is_input"
    assert original.read_bytes() == content
    assert leftovers(tmp_path) == []


def test_an_output_that_exists_is_kept_unless_told(original: Path, tmp_path: Path) -> None:
    """Without leave the old file stays; with it the new one takes its place in one step."""
    out = tmp_path / "out.pdf"
    out.write_bytes(b"old")
    update = update_for(original.stat().st_size)
    with pytest.raises(WrongUse) as refused:
        PreparedFile.create(original, update, tmp_path).publish(out)
    assert refused.value.code == "output.exists"
    assert out.read_bytes() == b"old"
    PreparedFile.create(original, update, tmp_path).publish(out, overwrite=True)
    assert out.stat().st_size == original.stat().st_size + len(update.data)
    assert leftovers(tmp_path) == []


def test_only_one_of_many_writers_wins(tmp_path: Path) -> None:
    """Of sixteen threads that write the same name at once, one succeeds and its file is whole."""
    out = tmp_path / "out"
    outcomes: list[str] = []
    barrier = threading.Barrier(16)

    def write(number: int) -> None:
        barrier.wait()
        try:
            write_output(out, (b"%02d" % number * 1000,))
        except WrongUse as error:
            outcomes.append(error.code)
        else:
            outcomes.append("written")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["output.exists"] * 15 + ["written"]
    content = out.read_bytes()
    assert content == content[:2] * 1000
    assert leftovers(tmp_path) == []


def test_an_output_has_its_sources_permissions(tmp_path: Path) -> None:
    """A letter that only its owner may read does not become readable for others by being signed."""
    original = tmp_path / "original.pdf"
    original.write_bytes(bytes(1000))
    original.chmod(0o600)
    out = tmp_path / "out.pdf"
    PreparedFile.create(original, update_for(1000), tmp_path).publish(out)
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("place", "code"),
    [("missing/out.pdf", "output.folder_missing"), ("folder", "output.is_folder"), ("file/out.pdf", "output.")],
)
def test_an_impossible_place_is_refused(place: str, code: str, tmp_path: Path) -> None:
    """A missing folder, a folder in place of a file, a file in place of a folder: a reason each, and no trace."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WrongUse) as refused:
        write_output(tmp_path / place, (b"content",))
    assert refused.value.code.startswith(code)
    assert leftovers(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """When writing fails in the middle, there is neither an output nor a temporary file."""

    def pieces() -> object:
        yield b"first"
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    with pytest.raises(WrongUse) as refused:
        write_output(out, pieces())  # type: ignore[arg-type]
    assert refused.value.code == "output.not_writable"
    assert refused.value.parameters["cause"] == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_device_or_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    """Overwriting is for files: a named pipe, or a link to a device, stays what it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    for path in (pipe, link):
        with pytest.raises(WrongUse) as refused:
            write_output(path, (b"content",), overwrite=True)
        assert refused.value.code == "output.is_special"
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert leftovers(tmp_path) == []
