"""From a key's name to its URI, its source and what may be known of it without a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.contracts import Signer
from kyso.errors import KysoError, WrongUse

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Key, KeyAccess, KeyDescription, KeySource
    from kyso.plugins import PluginRegistry


def uri_of(name: str, config: Config) -> str:
    """Return the URI behind a configured name, or `name` itself where it is a URI.

    :raises WrongUse: it is neither; the configured names are in the error.
    """
    configured = config.keys.get(name)
    if configured is not None and configured.uri is not None:
        return configured.uri
    if ":" not in name:
        raise WrongUse("key.unknown_name", name=name, known=sorted(config.keys))
    return name


def resolve(name: str, config: Config, registry: PluginRegistry) -> tuple[str, KeySource]:
    """Return a key's URI and the source that opens it.

    :raises WrongUse: the name is unknown, or no plugin knows the URI's scheme.
    """
    uri = uri_of(name, config)
    return uri, registry.key_source(uri.partition(":")[0])


def access_options(name: str, config: Config) -> tuple[Path, Mapping[str, Any], Mapping[str, Any]]:
    """Return the folder relative paths start in, the source's config section and the key's further entries.

    A configured key's path starts at the configuration file, a URI typed by a person at the working folder.
    """
    scheme = uri_of(name, config).partition(":")[0]
    configured = config.keys.get(name)
    options = config.settings_for(scheme, scheme)
    if configured is None:
        return Path.cwd(), options, {}
    return config.base_dir, options, configured.options


def list_keys(
    config: Config, registry: PluginRegistry, access: Callable[[str], KeyAccess]
) -> tuple[list[KeyDescription], list[tuple[str, KysoError]]]:
    """List the configured keys by name, then what every source finds by itself.

    :returns: the keys, and the sources that could not be asked with the reason.
    """
    from kyso.contracts import KeyDescription
    from kyso.signing.certificates import describe

    found: list[KeyDescription] = []
    failures: list[tuple[str, KysoError]] = []
    for name, configured in config.keys.items():
        certificate: bytes | None = None
        try:
            uri, source = resolve(name, config, registry)
            certificate = source.read_certificate(uri, access(name))
        except KysoError as error:
            failures.append((name, error))
        address = configured.uri or ""
        if certificate is None:
            found.append(KeyDescription(address, "", "", "", None, None, name=name))
        else:
            found.append(replace(describe(certificate, address), name=name))
    listed = {entry.uri for entry in found}
    for scheme in registry.contributions("key_sources"):
        try:
            offered = registry.key_source(scheme).list_keys(access(f"{scheme}:"))
            found.extend(entry for entry in offered if entry.uri not in listed)
        except KysoError as error:
            failures.append((scheme, error))
    return found, failures


def known_signer(
    name: str,
    opened: Key | None,
    config: Config,
    registry: PluginRegistry,
    access: Callable[[str], KeyAccess],
) -> Signer:
    """Return who would sign, for a preview: from the open key, a certificate readable without secret, or config."""
    from kyso.signing.certificates import signer_of

    if opened is not None:
        return signer_of(opened.certificate)
    uri, source = resolve(name, config, registry)
    certificate = source.read_certificate(uri, access(name))
    if certificate is not None:
        return signer_of(certificate)
    configured = config.keys.get(name)
    return Signer(
        name="",
        organisation=config.organisation.name or "",
        title=(configured.title or "") if configured is not None else "",
    )
