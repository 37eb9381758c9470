"""The first run: from what a person answers on the page to a kyso.toml with its keys, pictures and trusted roots.

What was uploaded lies in the workspace until the person agrees to the whole; then pictures and key files are copied
beside the new kyso.toml, roots into its trust folder, and the file itself is written last. An existing kyso.toml is
never written over.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kyso.errors import InputRefused, WrongUse
from kyso_desk.workspace import free_path, safe_name

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.text import Language

FileKind = Literal["key", "leader_image", "seal_image", "root"]
KINDS: tuple[FileKind, ...] = ("key", "leader_image", "seal_image", "root")
FILE_CAP_BYTES = 8 << 20

_MOST_PIXELS = 40_000_000
_KEY_SUFFIXES = (".p12", ".pfx")
_TITLE = re.compile(r"[^\x00-\x1f]{0,200}")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that waits for the person's agreement.

    :param roots: names and SHA-256 fingerprints of the CA certificates in it.
    """

    kind: FileKind
    path: Path
    roots: tuple[tuple[str, str], ...] = ()


def examined(kind: FileKind, path: Path) -> Uploaded:
    """Look at an uploaded file and say what is in it.

    :raises InputRefused: it is not what it is said to be.
    """
    if kind == "key":
        if path.suffix.lower() not in _KEY_SUFFIXES or path.read_bytes()[:1] != b"\x30":
            raise InputRefused("desk.not_a_key_file", name=path.name)
        return Uploaded(kind, path)
    if kind == "root":
        return Uploaded(kind, path, _roots(path))
    _check_picture(path)
    return Uploaded(kind, path)


def _roots(path: Path) -> tuple[tuple[str, str], ...]:
    from kyso.verification import trust_folder

    found = [each for each in trust_folder.certificates_in(path) if each.role != "other"]
    if not found:
        raise InputRefused("trust.no_authority", file=path.name)
    return tuple((each.certificate.display_name, each.certificate.sha256) for each in found)


def _check_picture(path: Path) -> None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(path.read_bytes()), formats=("PNG",)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise InputRefused("desk.picture_too_large", name=path.name)
            image.load()
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow reports a malformed PNG with any of these.
        raise InputRefused("desk.not_a_picture", name=path.name) from error


@dataclass(frozen=True, slots=True)
class Answers:
    """What the person answered, checked.

    :param leader_key: URI of a key that was found, or an uploaded key file; ``None`` leaves it out.
    :param roots: files with roots, and the fingerprints that the person compared.
    """

    organisation: str
    leader_key: str | Uploaded | None
    leader_title: str
    leader_image: Uploaded | None
    seal_key: str | Uploaded | None
    seal_image: Uploaded | None
    seal_diameter_mm: float | None
    roots: tuple[tuple[Uploaded, frozenset[str]], ...]


def answers_from(asked: Mapping[str, Any], uploads: Mapping[str, Uploaded], found: Mapping[str, str]) -> Answers:
    """Check what the page sent; it names uploaded files and keys that were found, never paths or URIs.

    :raises WrongUse: something is missing or not what the page sends.
    """
    organisation = _text(asked.get("organisation"))
    if not organisation:
        raise WrongUse("desk.organisation_wanted")
    diameter = asked.get("seal_diameter_mm")
    if diameter is not None and (
        isinstance(diameter, bool) or not isinstance(diameter, (int, float)) or not 5 <= diameter <= 100
    ):
        raise WrongUse("desk.diameter_wanted")
    seal_image = _file(asked.get("seal_image"), "seal_image", uploads)
    if seal_image is not None and diameter is None:
        raise WrongUse("desk.diameter_wanted")
    agreed = asked.get("roots") or {}
    if not isinstance(agreed, dict):
        raise WrongUse("desk.bad_request")
    roots = []
    for identifier, fingerprints in agreed.items():
        file = _file(identifier, "root", uploads)
        if file is None or not isinstance(fingerprints, list):
            raise WrongUse("desk.bad_request")
        known = {sha256 for _, sha256 in file.roots}
        roots.append((file, frozenset(each for each in fingerprints if each in known)))
    return Answers(
        organisation,
        _key(asked.get("leader_key"), uploads, found),
        _text(asked.get("leader_title")),
        _file(asked.get("leader_image"), "leader_image", uploads),
        _key(asked.get("seal_key"), uploads, found),
        seal_image,
        None if diameter is None else float(diameter),
        tuple(roots),
    )


def write_first(answers: Answers, target: Path, language: Language) -> Config:
    """Write kyso.toml with everything it names, and return it as it reads.

    :raises WrongUse: there is one already.
    :raises InputRefused: the folder cannot be written to.
    """
    from kyso.cli.init import compose
    from kyso.config import Config
    from kyso.update.files import write_output
    from kyso.update.outputs import writing
    from kyso.verification import trust_folder

    if target.exists():
        raise WrongUse("cli.output_exists", name=target)
    folder = target.parent
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    texts = {"organisation": answers.organisation}
    for name, key in (("leader_key", answers.leader_key), ("seal_key", answers.seal_key)):
        if key is not None:
            texts[name] = key if isinstance(key, str) else f"pfx:{_kept(key, folder, 'keys')}"
    if answers.leader_title and answers.leader_key is not None:
        texts["leader_title"] = answers.leader_title
    for name, picture in (("leader_image", answers.leader_image), ("seal_image", answers.seal_image)):
        if picture is not None:
            texts[name] = _kept(picture, folder, "pictures")
    if answers.seal_diameter_mm is not None:
        texts["seal_diameter_mm"] = f"{answers.seal_diameter_mm:g}"
    if any(fingerprints for _, fingerprints in answers.roots):
        texts["trust"] = "trust"
        for file, fingerprints in answers.roots:
            for each in trust_folder.certificates_in(file.path):
                if each.certificate.sha256 in fingerprints:
                    trust_folder.add(folder / "trust", each.certificate)
    write_output(target, (compose(texts, language).encode(),), overwrite=False)
    return Config.load(target)


def _kept(file: Uploaded, folder: Path, below: str) -> str:
    from kyso.update.files import write_output
    from kyso.update.outputs import writing

    place = folder / below
    with writing(place):
        place.mkdir(mode=0o700, exist_ok=True)
    path = free_path(place, safe_name(file.path.name))
    write_output(path, (file.path.read_bytes(),), overwrite=False, mode=0o600)
    return f"{below}/{path.name}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _TITLE.fullmatch(value):
        raise WrongUse("desk.bad_request")
    return value.strip()


def _file(identifier: object, kind: FileKind, uploads: Mapping[str, Uploaded]) -> Uploaded | None:
    if identifier is None:
        return None
    file = uploads.get(identifier) if isinstance(identifier, str) else None
    if file is None or file.kind != kind:
        raise WrongUse("desk.bad_request")
    return file


def _key(identifier: object, uploads: Mapping[str, Uploaded], found: Mapping[str, str]) -> str | Uploaded | None:
    if isinstance(identifier, str) and identifier in found:
        return found[identifier]
    return _file(identifier, "key", uploads)
