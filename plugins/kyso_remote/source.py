"""The key sources of the remote CAs: one class, and a provider's own code behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from urllib.parse import quote

from kyso.cms.values import load_certificate
from kyso.fetch import Fetcher
from kyso.plugin import KeyAccess, KeyDescription, KeyTrouble
from kyso.signing.certificates import describe
from kyso.text import Phrase
from kyso_remote.account import Account, read_account
from kyso_remote.key import RemoteKey
from kyso_remote.profile import load_profile
from kyso_remote.provider import Provider, RemoteCertificate
from kyso_remote.transport import Transport

ProviderFactory = Callable[[Account, Transport], Provider]

_MODULES = {
    "smartca": "neac_family",
    "nacencomm": "neac_family",
    "neac": "neac_family",
    "mysign": "mysign",
    "smartca-csc": "smartca_csc",
    "misa": "misa",
    "csc": "csc",
    "rssp": "rssp",
}


class RemoteSource:
    """Keys at one provider.

    :param name: the profile's name, which is the URI scheme.
    """

    def __init__(self, name: str) -> None:
        self._profile = load_profile(name)
        self._factory: ProviderFactory = import_module(f"kyso_remote.providers.{_MODULES[name]}").make_provider

    @property
    def portable(self) -> bool:
        """One confirmation is for one request: worker processes do not open sessions of their own."""
        return False

    def open(self, uri: str, access: KeyAccess) -> RemoteKey:
        """Ask the provider for the account's certificates and choose the one that `uri` names.

        :raises KeyTrouble: user unknown, wrong secret, no or several certificates, or one that may not be used.
        :raises RemoteFailed: the provider cannot be reached or failed.
        """
        account = read_account(uri, self._profile, access)
        fetcher = account.fetcher()
        try:
            provider = self._factory(account, self._transport(account, fetcher))
            chosen = _choose(uri, account, provider.certificates())
            return RemoteKey(account, provider, chosen, fetcher)
        except BaseException:
            fetcher.close()
            raise

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return ``None``: every provider wants the client's secret first."""
        return None

    def list_keys(self, access: KeyAccess) -> Iterator[KeyDescription]:
        """List the configured user's certificates; only online, and only where no secret must be asked."""
        if not access.online or not (access.options.get("user_id") or access.key_options.get("user_id")):
            return
        account = read_account(f"{self._profile.name}:", self._profile, access)
        if not account.has_secret("client_secret"):
            return
        with account.fetcher() as fetcher:
            for found in self._factory(account, self._transport(account, fetcher)).certificates():
                yield describe(found.der, _uri_of(account, found))

    def _transport(self, account: Account, fetcher: Fetcher) -> Transport:
        return Transport(fetcher, account.base_url, self._profile.title)


def _choose(uri: str, account: Account, found: Sequence[RemoteCertificate]) -> RemoteCertificate:
    serial = account.attributes.get("serial")
    credential = account.attributes.get("credential")
    matching = [
        certificate
        for certificate in found
        if (serial is None or _serial(certificate) == serial.lower().replace(":", "").lstrip("0"))
        and (credential is None or certificate.credential == credential)
    ]
    distinct = {certificate.der: certificate for certificate in matching}
    if not distinct:
        others = [_line(account, certificate) for certificate in found] or [Phrase("remote.no_candidate")]
        raise KeyTrouble("remote.certificate_not_found", uri=uri, found=others, provider=account.profile.title)
    now = datetime.now(UTC)
    usable = [
        certificate
        for certificate in distinct.values()
        if certificate.usable and load_certificate(certificate.der).not_valid_after_utc > now
    ]
    if len(usable) > 1:
        lines = [_line(account, certificate) for certificate in usable]
        raise KeyTrouble("remote.certificate_ambiguous", uri=uri, candidates=lines, provider=account.profile.title)
    if not usable:
        states = [certificate.status or "-" for certificate in distinct.values()]
        raise KeyTrouble("remote.certificate_unusable", uri=uri, status=states, provider=account.profile.title)
    return usable[0]


def _serial(certificate: RemoteCertificate) -> str:
    return f"{load_certificate(certificate.der).serial_number:x}"


def _uri_of(account: Account, certificate: RemoteCertificate) -> str:
    return f"{account.profile.name}:{quote(account.user_id)};serial={_serial(certificate)}"


def _line(account: Account, certificate: RemoteCertificate) -> Phrase:
    name = describe(certificate.der, "").subject
    return Phrase("remote.candidate", {"name": name, "uri": _uri_of(account, certificate)})
