"""kyso.toml: who signs, with which keys, pictures and habits.

::

    [organisation]
    name = "UBND XÃ AN BÌNH"

    [keys.leader]
    uri = "pfx:keys/leader.p12"
    role = "leader"

    [seal]
    image = "seal.png"
    diameter_mm = 36

    [signing]
    key = "leader"
    policy = "decree30.leader"

The file is looked for in this order: the path given, ``$KYSO_CONFIG``, ``./kyso.toml``, the user's configuration
folder; without any the defaults hold. Relative paths start at the file's folder. An entry that is not known here is
refused with the nearest right name, because a misspelt entry would otherwise be a default in disguise. A PIN or
password in the file is refused.

The annotations of the sections below are the schema: what a file may say is what they say.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kyso.errors import ConfigWrong
from kyso.frozen import dataclass
from kyso.text import Phrase, shown

if TYPE_CHECKING:
    from kyso.models import DigestName, Level, SignatureFormat
    from kyso.text import Language
    from kyso_stamps.fonts import FontChoice

FILE_NAME = "kyso.toml"
SIZE_LIMIT = 1 << 20

Role = Literal["leader", "seal", "accountant", "holder", "person", "organisation"]
RevocationMode = Literal["offline", "prefer", "require"]


@dataclass(frozen=True, slots=True)
class OrganisationSection:
    """``[organisation]``."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class KeySection:
    """``[keys.NAME]``: a key by a short name.

    :param role: what the key is for.
    :param image: picture drawn with this key's signatures.
    :param title: the signer's title, where a policy shows one.
    :param keyring: take the key's password or PIN from the system's safe where ``kyso keys remember`` put it there.
    :param options: further entries, for the key source.
    """

    uri: str = ""
    role: Role | None = None
    image: Path | None = None
    title: str | None = None
    keyring: bool = False
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealSection:
    """``[seal]``: the organisation's seal at its true size, round or not."""

    image: Path | None = None
    diameter_mm: float | None = None
    width_mm: float | None = None
    height_mm: float | None = None


@dataclass(frozen=True, slots=True)
class LeaderSection:
    """``[leader]``: the picture of the leader's handwritten signature and the room it may take."""

    image: Path | None = None
    max_width_mm: float | None = None
    max_height_mm: float | None = None


@dataclass(frozen=True, slots=True)
class SigningSection:
    """``[signing]``: what holds where a command says nothing.

    :param require_trust: refuse to sign with a certificate whose root is not trusted or whose revocation is unknown.
    :param require_role: refuse to sign with an organisation's certificate in a person's place or the other way round,
        and with one that does not say whose it is where ``[keys.NAME] role`` does not say so either.
    :param time_pattern: strftime pattern of shown times, which are always Vietnam's (+07:00).
    :param tsa: timestamp authorities, tried in order.
    """

    key: str | None = None
    policy: str | None = None
    level: Level = "b"
    format: SignatureFormat = "pades"
    digest: DigestName | None = None
    require_trust: bool = False
    require_role: bool = False
    time_pattern: str = "%Y-%m-%dT%H:%M:%S+07:00"
    tsa: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationSection:
    """``[verification]``: trusted roots and revocation lists, files or folders.

    :param revocation: without it ``prefer`` where the network may be used, else ``offline``.
    """

    trust: tuple[Path, ...] = ()
    crl: tuple[Path, ...] = ()
    revocation: RevocationMode | None = None


@dataclass(frozen=True, slots=True)
class FontsSection:
    """``[fonts]``: font files for stamps; without them the system's or the packaged serif is taken."""

    regular: Path | None = None
    bold: Path | None = None
    italic: Path | None = None
    bold_italic: Path | None = None


@dataclass(frozen=True, slots=True)
class StampsSection:
    """``[stamps]``: the organisation's own stamp templates; one of the same name wins over a built-in one."""

    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class RecordsSection:
    """``[records]``: SQLAlchemy URL of the records; without one a file in the user's data folder."""

    url: str | None = None


@dataclass(frozen=True, slots=True)
class IntakeSection:
    """``[intake]``: the incoming desk (:mod:`kyso.receiving`).

    :param folder: where letters and their evidence are kept; without one a folder in the user's data folder.
    :param policy: the policy file; without one the built-in policy.
    :param place: the place in the head of notices, box 4 of Decree 30/2020, annex I.
    :param superior: the body above ours in the head of notices.
    :param symbol: symbol of the notices, after the blank for the number: ``VP``.
    :param authority: authority and title over the signature of notices, one entry a line: ``TL. CHỦ TỊCH``.
    :param signer: who signs the notices.
    :param responsible: who is told of suspicious letters (Điều 21.2.b).
    """

    folder: Path | None = None
    policy: Path | None = None
    place: str | None = None
    superior: str | None = None
    symbol: str | None = None
    authority: tuple[str, ...] = ()
    signer: str | None = None
    responsible: str | None = None


@dataclass(frozen=True, slots=True)
class LocaleSection:
    """``[locale]``."""

    language: Language | None = None


@dataclass(frozen=True, slots=True)
class NetworkSection:
    """``[network]``: whether the network may be used without asking each time.

    :param allow_private: fetch revocation data from addresses of private ranges too (a CA inside one's own network).
    """

    online: bool = False
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """A whole kyso.toml.

    :param path: the file it was read from; ``None`` for defaults.
    :param plugins: the free tables ``[plugins.NAME]``, checked against the plugins by :mod:`kyso.config_check`.
    """

    path: Path | None = None
    organisation: OrganisationSection = OrganisationSection()
    keys: Mapping[str, KeySection] = dataclasses.field(default_factory=dict)
    seal: SealSection = SealSection()
    leader: LeaderSection = LeaderSection()
    signing: SigningSection = SigningSection()
    verification: VerificationSection = VerificationSection()
    fonts: FontsSection = FontsSection()
    stamps: StampsSection = StampsSection()
    records: RecordsSection = RecordsSection()
    intake: IntakeSection = IntakeSection()
    locale: LocaleSection = LocaleSection()
    network: NetworkSection = NetworkSection()
    plugins: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    @property
    def base_dir(self) -> Path:
        """Where relative paths start: the file's folder, or the current one."""
        return self.path.parent if self.path else Path.cwd()

    @classmethod
    def load(cls, path: Path | None = None) -> Config:
        """Read the file given, or the one that :func:`find` finds, or return the defaults.

        :raises ConfigWrong: the file is missing, is not TOML, or holds something that cannot be right; every problem
            is in the error.
        """
        found = find(path)
        if found is None:
            return cls()
        config, problems = read(found)
        if len(problems) == 1:
            raise ConfigWrong(problems[0].code, **problems[0].parameters)
        if problems:
            raise ConfigWrong("config.several", file=found, count=len(problems), problems=problems)
        return config

    def settings_for(self, plugin: str, contribution: str) -> dict[str, Any]:
        """Return the entries for one contribution: ``[plugins.PLUGIN]``, overlaid with its own table.

        The own table of ``decree30.seal`` is ``[plugins.decree30.seal]``; that of ``pfx`` is ``[plugins.pfx]``.
        """
        merged: dict[str, Any] = {}
        table: Any = self.plugins
        for part in (plugin, *contribution.removeprefix(plugin).strip(".").split(".")):
            table = table.get(part) if part and isinstance(table, Mapping) else None
            if not isinstance(table, Mapping):
                break
            merged.update({name: value for name, value in table.items() if not isinstance(value, Mapping)})
        return merged

    def font_choice(self, cache_dir: Path | None = None) -> FontChoice:
        """Return the fonts as the stamp engine takes them."""
        from kyso_stamps.fonts import FontChoice

        fonts = self.fonts
        return FontChoice(fonts.regular, fonts.bold, fonts.italic, fonts.bold_italic, cache_dir)


def find(path: Path | None = None) -> Path | None:
    """Return the kyso.toml to read, ``None`` where there is none.

    :raises ConfigWrong: the file that was asked for does not exist.
    """
    asked = path or (Path(named) if (named := os.environ.get("KYSO_CONFIG")) else None)
    if asked is not None:
        if not asked.is_file():
            raise ConfigWrong("config.not_found", file=asked)
        return asked.absolute()
    here = Path(FILE_NAME)
    if here.is_file():
        return here.absolute()
    for_user = user_file()
    return for_user if for_user.is_file() else None


def user_file() -> Path:
    """Return where the user's own kyso.toml would be."""
    import platformdirs

    return Path(platformdirs.user_config_dir("kyso", appauthor=False)) / FILE_NAME


def read(path: Path) -> tuple[Config, tuple[Phrase, ...]]:
    """Read `path` and return what could be read together with every problem found."""
    source, problem = _source(path)
    if problem is not None:
        return Config(path=path), (problem,)
    import tomllib

    try:
        tables = tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Config(path=path), (Phrase("config.syntax", {"file": path, "cause": shown(error)}),)
    from kyso.config_reading import Reading

    return Reading(path, source).config(tables)


def _source(path: Path) -> tuple[str, Phrase | None]:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            return "", Phrase("config.too_large", {"file": path, "limit": SIZE_LIMIT})
        return path.read_text(encoding="utf-8-sig"), None
    except OSError as error:
        return "", Phrase("config.unreadable", {"file": path, "cause": error.strerror or str(error)})
    except UnicodeDecodeError:
        return "", Phrase("config.not_utf8", {"file": path})
