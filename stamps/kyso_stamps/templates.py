"""Where templates come from: the ones that ship with kyso, a plugin's, an organisation's own folder, any file.

::

    library = Library(folders=(Path("templates"),))
    spec = library.spec("leader", {"signer": "Nguyễn Văn A", "time": now}, image=Path("signature.png"))

One file is one template, and the file's name is the template's: ``leader.toml`` in an organisation's folder takes the
place of the template ``leader`` that ships. What ships stands before what a plugin offers under the same name.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from kyso_stamps.errors import StampError
from kyso_stamps.spec import StampSpec
from kyso_stamps.template import Template
from kyso_stamps.template_filling import TIME_PATTERN, fill_template
from kyso_stamps.template_reading import MAX_BYTES, Problem, read_template

SUFFIX = ".toml"
MAX_TEMPLATES = 500

Origin = Literal["built_in", "plugin", "folder", "file"]

_BUILT_IN = Path(__file__).parent / "built_in_templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A file with a template; what a plugin's ``register_stamp_templates`` contribution loads.

    :param name: what people choose it by.
    :param path: the TOML file; its own pictures lie beside it.
    """

    name: str
    path: Path
    origin: Origin = "plugin"

    @classmethod
    def of_file(cls, path: Path, origin: Origin = "file") -> TemplateSource:
        """Return a file as a source that bears the file's name."""
        return cls(path.name.removesuffix(SUFFIX), path, origin)


@dataclass(frozen=True, slots=True)
class Listed:
    """One name of a library.

    :param source: the file that is used.
    :param hidden: files of the same name that are not, because this one stands before them.
    """

    source: TemplateSource
    hidden: tuple[TemplateSource, ...]


def is_template_name(text: str) -> bool:
    """Tell whether `text` can be a template's name; whatever names a folder or a file of another kind cannot."""
    return _NAME.fullmatch(text) is not None and not text.endswith(SUFFIX)


def check_template(source: TemplateSource) -> tuple[Template | None, tuple[Problem, ...]]:
    """Read a template and return it, or ``None``, with everything that is wrong with it."""
    name = source.path.name
    try:
        with source.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        return None, (Problem("stamp.template_unreadable", {"file": name, "cause": cause}),)
    return read_template(data, source.name, file=name, folder=source.path.parent)


def load_template(source: TemplateSource) -> Template:
    """Return a template that has nothing wrong.

    :raises StampError: the first problem there is.
    """
    try:
        status = source.path.stat()
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise StampError("stamp.template_unreadable", file=source.path.name, cause=cause) from error
    return _loaded(source, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _loaded(source: TemplateSource, inode: int, size: int, modified_ns: int) -> Template:
    template, problems = check_template(source)
    if template is None:
        raise StampError(problems[0].code, **problems[0].parameters)
    return template


@lru_cache(maxsize=1)
def built_in_templates() -> tuple[TemplateSource, ...]:
    """Return the templates that ship, by name."""
    return tuple(_folder(_BUILT_IN, "built_in"))


class Library:
    """Templates by name.

    :param folders: an organisation's own, the first one before the others.
    :param contributed: what plugins offer.
    """

    def __init__(self, folders: Iterable[Path] = (), contributed: Iterable[TemplateSource] = ()) -> None:
        self._folders = tuple(folders)
        self._contributed = tuple(contributed)

    def listed(self) -> Mapping[str, Listed]:
        """Return every name with its file, sorted.

        :raises StampError: ``stamp.template_folder`` for a folder that cannot be read.
        """
        found: dict[str, list[TemplateSource]] = {}
        for folder in self._folders:
            for source in _folder(folder, "folder"):
                found.setdefault(source.name, []).append(source)
        for source in (*built_in_templates(), *self._contributed):
            found.setdefault(source.name, []).append(source)
        return {name: Listed(sources[0], tuple(sources[1:])) for name, sources in sorted(found.items())}

    def source(self, name_or_path: str | Path) -> TemplateSource:
        """Return the file of a name, or the file itself where a path is given: with a folder or ending in ``.toml``.

        Whoever serves strangers passes names only, checked against :meth:`listed`.

        :raises StampError: ``stamp.template_unknown`` with the nearest names.
        """
        text = str(name_or_path)
        if isinstance(name_or_path, Path) or text.endswith(SUFFIX) or "/" in text or "\\" in text:
            return TemplateSource.of_file(Path(name_or_path))
        # Asked for by name, so that a batch of letters does not list the folders for each.
        if _NAME.fullmatch(text):
            for folder in self._folders:
                path = folder / f"{text}{SUFFIX}"
                if path.is_file():
                    return TemplateSource.of_file(path, "folder")
                if not folder.is_dir():
                    # The built-in template instead of the organisation's own would be a default in disguise.
                    raise StampError("stamp.template_folder", folder=folder, cause=os.strerror(errno.ENOENT))
            for source in (*built_in_templates(), *self._contributed):
                if source.name == text:
                    return source
        raise self.unknown(text)

    def unknown(self, name: str) -> StampError:
        """Return the refusal of a name, with the nearest ones that there are."""
        import difflib

        listed = self.listed()
        nearest = difflib.get_close_matches(name, listed, n=2, cutoff=0.4) or list(listed)
        return StampError("stamp.template_unknown", template=name, nearest=nearest)

    def template(self, name_or_path: str | Path) -> Template:
        """Return a template.

        :raises StampError: there is none of that name, or the first thing that is wrong with it.
        """
        return load_template(self.source(name_or_path))

    def spec(
        self,
        name_or_path: str | Path,
        values: Mapping[str, object],
        image: Path | None = None,
        *,
        image_mm: tuple[float, float] | None = None,
        place_mm: tuple[float, float] | None = None,
        time_pattern: str = TIME_PATTERN,
        cache_dir: Path | None = None,
    ) -> StampSpec:
        """Return a filled template; the parameters are those of :func:`kyso_stamps.template_filling.fill_template`.

        :raises StampError: as :meth:`template` and ``fill_template``.
        """
        return fill_template(
            self.template(name_or_path),
            values,
            image,
            image_mm=image_mm,
            place_mm=place_mm,
            time_pattern=time_pattern,
            cache_dir=cache_dir,
        )


def _folder(folder: Path, origin: Origin) -> list[TemplateSource]:
    try:
        files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX) and path.is_file())
    except OSError as error:
        raise StampError("stamp.template_folder", folder=folder, cause=error.strerror or str(error)) from error
    if len(files) > MAX_TEMPLATES:
        raise StampError("stamp.template_folder_full", folder=folder, limit=MAX_TEMPLATES)
    for path in files:
        if not _NAME.fullmatch(path.name.removesuffix(SUFFIX)):
            raise StampError("stamp.template_name", file=path.name)
    return [TemplateSource.of_file(path, origin) for path in files]
