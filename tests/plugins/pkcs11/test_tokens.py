"""Keys on real (software) tokens: listing, choosing, signing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.models import DigestName, SchemeName
from kyso.plugin import DigestToSign, KeyAccess, KeyTrouble, WrongUse
from kyso_pkcs11.source import TokenSource
from tests.plugins.pkcs11.conftest import PIN, Person, Tokens

Access = Callable[..., KeyAccess]
pytestmark = pytest.mark.usefixtures("softhsm_environment")


def digests(count: int = 1, name: DigestName = "sha256") -> list[DigestToSign]:
    return [
        DigestToSign(hashlib.new(name, b"letter %d" % number).digest(), name, f"{number}.pdf", str(number))
        for number in range(count)
    ]


def test_every_certificate_is_listed_without_a_pin(
    source: TokenSource, access: Access, person: Person, tokens: Tokens
) -> None:
    """Listing shows the signers' certificates of all tokens with validity and usage, asks nothing, and skips CAs."""
    listed = {key.subject: key for key in source.list_keys(access())}
    assert set(listed) == {"Nguyễn Văn Mẫu (TEST)", "UBND XÃ MẪU (TEST)", "Trần Thị Mẫu (TEST)"}
    leader = listed["Nguyễn Văn Mẫu (TEST)"]
    assert leader.issuer == "TEST CA (token)"
    assert leader.usage == ("digitalSignature", "nonRepudiation")
    assert (leader.name, leader.owner) == (None, "person")
    assert leader.not_after == tokens.leader.certificate.not_valid_after_utc
    assert int(leader.serial, 16) == tokens.leader.certificate.serial_number
    assert person.asked == []
    assert [notice.code for notice in person.told] == ["pkcs11.token_without_certificate"]


def test_a_listed_uri_opens_its_key(source: TokenSource, access: Access, person: Person) -> None:
    """Each URI of the list names its certificate alone, without any config."""
    for listed in list(source.list_keys(access())):
        key = source.open(listed.uri, KeyAccess(person.ask, Path()))
        assert hashlib.sha256(key.certificate).digest()
        assert source.read_certificate(listed.uri, access()) == key.certificate
        key.close()
    assert person.asked == []


@pytest.mark.parametrize(
    ("attribute", "owner"),
    [
        ("object=Con%20d%E1%BA%A5u", "seal"),
        ("id=%03", "accountant"),
        ("token=LANH%20DAO", "leader"),
        ("tax-code=0100000001", "seal"),
        ("citizen-id=001099000002", "accountant"),
    ],
)
def test_a_key_is_chosen_by_what_is_known_of_it(
    attribute: str, owner: str, source: TokenSource, access: Access, tokens: Tokens
) -> None:
    """Label, id, token, tax code or citizen id each name one certificate."""
    certificate = getattr(tokens, owner).certificate.public_bytes(Encoding.DER)
    assert source.read_certificate(f"pkcs11:{attribute}", access()) == certificate


def test_a_key_is_chosen_by_thumbprint_or_serial(source: TokenSource, access: Access, tokens: Tokens) -> None:
    """SHA-256 and SHA-1 thumbprints as Windows shows them, and the certificate's serial, name a certificate."""
    certificate = tokens.seal.certificate
    der = certificate.public_bytes(Encoding.DER)
    for uri in (
        f"pkcs11:thumbprint={hashlib.sha256(der).hexdigest().upper()}",
        f"pkcs11:thumbprint={hashlib.sha1(der).hexdigest()}",
        f"pkcs11:certificate-serial={certificate.serial_number:X}",
    ):
        assert source.read_certificate(uri, access()) == der


def test_two_matching_certificates_are_listed_and_refused(source: TokenSource, access: Access) -> None:
    """A URI that matches two certificates opens neither and names both."""
    with pytest.raises(KeyTrouble) as trouble:
        source.open("pkcs11:token=VAN%20THU", access())
    assert trouble.value.code == "pkcs11.certificate_ambiguous"
    text = trouble.value.message("vi")
    assert "UBND XÃ MẪU (TEST)" in text
    assert "Trần Thị Mẫu (TEST)" in text


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("pkcs11:token=nowhere", "pkcs11.token_not_found"),
        ("pkcs11:token=VAN%20THU;object=nobody", "pkcs11.certificate_not_found"),
        ("pkcs11:token=a?module-path=/nowhere/p11.so", "pkcs11.module_missing"),
        ("pkcs11:token=a?module-name=no-such-vendor", "pkcs11.module_unknown"),
    ],
)
def test_what_is_not_there_is_said(uri: str, code: str, source: TokenSource, access: Access) -> None:
    """A missing token, certificate or module is told apart, with what is there instead."""
    with pytest.raises(KeyTrouble) as trouble:
        source.open(uri, access())
    assert trouble.value.code == code
    assert trouble.value.next_step("vi")


def test_the_chain_comes_from_the_token(source: TokenSource, access: Access, tokens: Tokens) -> None:
    """CA certificates beside the signer's become the chain, the issuer first, the root last."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    expected = tuple(certificate.public_bytes(Encoding.DER) for certificate in tokens.leader.chain)
    assert key.chain == expected
    key.close()


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("scheme", ["rsa-pkcs1v15", "rsa-pss"])
def test_rsa_signatures_are_right(
    scheme: SchemeName, digest: DigestName, source: TokenSource, access: Access, tokens: Tokens
) -> None:
    """RSA PKCS#1 v1.5 and PSS values verify with an independent implementation."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    assert (scheme, digest) in key.schemes
    assert key.schemes[0] == ("rsa-pkcs1v15", "sha256")
    (value,) = key.sign(digests(1, digest), scheme).values
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[digest]
    pad = (
        padding.PKCS1v15() if scheme == "rsa-pkcs1v15" else padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    )
    public_key = tokens.leader.certificate.public_key()
    public_key.verify(value, digests(1, digest)[0].value, pad, utils.Prehashed(algorithm))
    key.close()


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_ecdsa_signatures_are_right(digest: DigestName, source: TokenSource, access: Access, tokens: Tokens) -> None:
    """ECDSA values are DER, also where the digest is longer than the curve's order."""
    key = source.open("pkcs11:id=%03", access())
    (value,) = key.sign(digests(1, digest), "ecdsa").values
    algorithm = hashes.SHA256() if digest == "sha256" else hashes.SHA512()
    tokens.accountant.certificate.public_key().verify(
        value, digests(1, digest)[0].value, ec.ECDSA(utils.Prehashed(algorithm))
    )
    key.close()


def test_a_wrong_scheme_is_refused_before_the_pin(source: TokenSource, access: Access, person: Person) -> None:
    """A scheme that does not suit the key is refused while no PIN was asked."""
    key = source.open("pkcs11:id=%03", access())
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "pkcs11.scheme_unsupported"
    assert person.asked == []
    key.close()


def test_one_pin_for_a_batch(source: TokenSource, access: Access, person: Person) -> None:
    """A hundred letters in several requests cost one PIN."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    assert len(key.sign(digests(60), "rsa-pkcs1v15").values) == 60
    assert len(key.sign(digests(40), "rsa-pkcs1v15").values) == 40
    assert [code.removesuffix("_low") for code in person.asked] == [
        "pkcs11.prompt_pin"
    ]  # another test may have spent a try
    key.close()


def test_two_keys_of_one_token_share_one_login(source: TokenSource, access: Access, person: Person) -> None:
    """The second key of a token in use asks no PIN, and closing the first leaves the second working."""
    seal, accountant = source.open("pkcs11:id=%02", access()), source.open("pkcs11:id=%03", access())
    seal.sign(digests(), "rsa-pkcs1v15")
    accountant.sign(digests(), "ecdsa")
    seal.close()
    seal.close()
    accountant.sign(digests(), "ecdsa")
    assert [code.removesuffix("_low") for code in person.asked] == [
        "pkcs11.prompt_pin"
    ]  # another test may have spent a try
    accountant.close()


def test_after_close_the_pin_is_needed_again(source: TokenSource, access: Access, person: Person) -> None:
    """Closing the last key ends the login."""
    for _ in range(2):
        key = source.open("pkcs11:token=LANH%20DAO", access())
        key.sign(digests(), "rsa-pkcs1v15")
        key.close()
    assert len(person.asked) == 2
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "pkcs11.session_closed"


def test_a_private_certificate_is_found_after_login(source: TokenSource, access: Access, tokens: Tokens) -> None:
    """A token that hides its certificate is opened by its name, with the PIN first; without one nothing is read."""
    assert source.read_certificate("pkcs11:token=RIENG", access()) is None
    key = source.open("pkcs11:token=RIENG", access())
    assert key.certificate == tokens.private.certificate.public_bytes(Encoding.DER)
    key.sign(digests(), "rsa-pkcs1v15")
    key.close()


def test_a_wrong_pin_is_spent_once(source: TokenSource, access: Access, person: Person) -> None:
    """A wrong PIN is told; the same PIN is not sent to the token again, a right one then works."""
    person.pins = ["111111", "111111", PIN]
    key = source.open("pkcs11:token=LANH%20DAO", access())
    codes = []
    for _ in range(2):
        with pytest.raises(KeyTrouble) as trouble:
            key.sign(digests(), "rsa-pkcs1v15")
        codes.append(trouble.value.code)
        assert "111111" not in str(trouble.value)
    assert codes == ["pkcs11.pin_wrong_low", "pkcs11.pin_rejected_before"]
    assert person.asked[1] == "pkcs11.prompt_pin_low"
    key.sign(digests(), "rsa-pkcs1v15")
    key.close()


def test_an_empty_pin_is_not_sent(source: TokenSource, access: Access, person: Person) -> None:
    """Pressing return at the prompt costs no try."""
    person.pins = [""]
    key = source.open("pkcs11:token=LANH%20DAO", access())
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "pkcs11.pin_empty"
    key.close()


def test_there_is_nothing_to_poll(source: TokenSource, access: Access) -> None:
    """A token has no pending requests."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    with pytest.raises(WrongUse):
        key.poll("ticket")
    key.close()


def test_the_pipe_costs_less_than_a_millisecond(source: TokenSource, access: Access) -> None:
    """A call to the worker and back is well below the budget of one visible letter."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    key.sign(digests(), "rsa-pkcs1v15")
    process = key._process
    samples = []
    for _ in range(50):
        started = time.perf_counter()
        process.call("library", 5.0)
        samples.append(time.perf_counter() - started)
    assert sorted(samples)[25] < 0.001
    key.close()


def test_no_process_is_left(source: TokenSource, access: Access) -> None:
    """The worker ends with its last key."""
    key = source.open("pkcs11:token=LANH%20DAO", access())
    worker = key._process._process.pid
    key.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_the_entry_module_loads_nothing_heavy() -> None:
    """Registering the plugin imports neither cryptography nor python-pkcs11."""
    import sys

    program = "import sys, kyso_pkcs11; print(sorted({'pkcs11', 'cryptography', 'asyncio'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
