"""Contract tests for plugin authors: subclass them in your own tests, give the fixtures, run pytest.

::

    class TestMyKeys(KeySourceContract):
        @pytest.fixture
        def source(self):
            return MyKeySource()

        @pytest.fixture
        def uri(self):
            return "mykeys:test"

What they check is what the engine relies on. A plugin that passes them may still be wrong; one that fails them will
fail in use. They need pytest, which kyso itself does not.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from kyso import text
from kyso.contracts import (
    AnnouncingKey,
    Contribution,
    Key,
    KeyAccess,
    KeySource,
    Letter,
    PlacementIntent,
    PlacementPolicy,
    Signer,
    UnlockingKey,
)
from kyso.errors import KeyTrouble, KysoError, SigningRefused, WrongUse
from kyso.models import VIETNAM_TIME, DigestToSign, Pending, Placement, Signed
from kyso.secret import Secret
from kyso.verification.report import VerificationReport

POLLS = 50
"""How often a contract test asks a waiting key before it gives up."""


def access_with(secret: str | None = None, base_dir: Path | None = None, **more: Any) -> KeyAccess:
    """Return the access a test opens a key with.

    :param secret: what a person would type; ``None`` fails the test when anything asks.
    """

    def ask(code: str, parameters: Mapping[str, object]) -> Secret:
        if secret is None:
            pytest.fail(f"asked for a secret ({code}) where none may be asked for")
        return Secret(secret)

    return KeyAccess(ask, base_dir or Path.cwd(), **more)


class _Contract:
    """What both contracts share."""

    catalogues: ClassVar[tuple[str, ...]] = ()
    """The packages with the plugin's texts, as it gives them to `register_catalogues`."""

    @pytest.fixture(autouse=True)
    def known_catalogues(self) -> None:
        """Make the plugin's texts known, as loading the plugin would."""
        for package in self.catalogues:
            text.add_catalogue(package)


class KeySourceContract(_Contract):
    """What every key source must do. Give `source` and `uri`; the other fixtures where they apply."""

    @pytest.fixture
    def source(self) -> KeySource:
        """The key source under test."""
        raise NotImplementedError("give the fixture `source`")

    @pytest.fixture
    def uri(self) -> str:
        """A key that opens."""
        raise NotImplementedError("give the fixture `uri`")

    @pytest.fixture
    def access(self) -> KeyAccess:
        """What opens it; by default no secret may be asked for."""
        return access_with()

    @pytest.fixture
    def wrong_access(self) -> KeyAccess | None:
        """Access with the secret ``wrong-secret``; ``None`` where keys need no secret."""
        return None

    @pytest.fixture
    def missing_uri(self) -> str | None:
        """A URI that names no key; ``None`` where every URI names one."""
        return None

    @pytest.fixture
    def key(self, source: KeySource, uri: str, access: KeyAccess) -> Iterator[Key]:
        """The opened key."""
        opened = source.open(uri, access)
        yield opened
        opened.close()

    def confirm(self, pending: Pending) -> None:
        """Do what a person would do about a waiting request; override it for keys that wait."""
        pytest.fail(f"the key waits for a person ({pending.instruction}); override `confirm`")

    def signed(self, key: Key, answer: Signed | Pending) -> Signed:
        """Return the values, confirming and asking again where the key waits."""
        if isinstance(answer, Pending):
            assert key.batch_limit is not None, "a key that lets a person confirm says how many letters at once"
            assert answer.expires_at.tzinfo is not None, "expires_at carries a zone"
            assert text.has_text(answer.instruction), f"no words for {answer.instruction}"
            self.confirm(answer)
        for _ in range(POLLS):
            if isinstance(answer, Signed):
                return answer
            answer = key.poll(answer.ticket)
        pytest.fail("the key still waits after it was confirmed")

    def test_its_certificate_is_one(self, key: Key) -> None:
        """`certificate` is one DER certificate without anything after it."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        parsed = x509.load_der_x509_certificate(key.certificate)
        assert parsed.public_bytes(Encoding.DER) == key.certificate

    def test_its_chain_goes_up(self, key: Key) -> None:
        """`chain` starts with the issuer of the signer, and each issues the one before."""
        from cryptography import x509

        below = x509.load_der_x509_certificate(key.certificate)
        for der in key.chain:
            issuer = x509.load_der_x509_certificate(der)
            below.verify_directly_issued_by(issuer)
            below = issuer

    def test_every_scheme_it_names_verifies(self, key: Key) -> None:
        """A value made with any of `schemes` verifies against the certificate."""
        assert key.schemes
        for scheme, digest in key.schemes:
            asked = _digests(1, digest)
            values = self.signed(key, key.sign(asked, scheme)).values
            assert len(values) == 1
            check_value(key.certificate, asked[0], scheme, values[0])

    def test_values_keep_the_order(self, key: Key) -> None:
        """Several digests in one request are answered in their order."""
        scheme, digest = key.schemes[0]
        asked = _digests(min(3, key.batch_limit or 3), digest)
        values = self.signed(key, key.sign(asked, scheme)).values
        assert len(values) == len(asked)
        for each, value in zip(asked, values, strict=True):
            check_value(key.certificate, each, scheme, value)

    def test_an_announced_request_is_the_one_that_is_sent(self, key: Key) -> None:
        """A ticket that was announced before the sending answers for it, and announcing alone sends nothing."""
        if not isinstance(key, AnnouncingKey):
            pytest.skip("these requests get their names from the other side")
        scheme, digest = key.schemes[0]
        asked = _digests(1, digest)
        ticket = key.announce(asked, scheme)
        if ticket is None:
            pytest.skip("these requests get their names from the other side")
        answer = key.sign(asked, scheme)
        if isinstance(answer, Pending):
            self.confirm(answer)
            answer = Pending(ticket, answer.expires_at, answer.instruction, answer.parameters)
        check_value(key.certificate, asked[0], scheme, self.signed(key, answer).values[0])

    def test_a_locked_key_unlocks(self, key: Key) -> None:
        """A key that can be unlocked asks for its secret then, and signs without asking again."""
        if not isinstance(key, UnlockingKey):
            pytest.skip("these keys ask when they are opened, or not at all")
        key.unlock()
        key.unlock()
        scheme, digest = key.schemes[0]
        asked = _digests(1, digest)
        check_value(key.certificate, asked[0], scheme, self.signed(key, key.sign(asked, scheme)).values[0])

    def test_it_closes_twice(self, source: KeySource, uri: str, access: KeyAccess) -> None:
        """Closing twice is harmless, and a closed key signs nothing."""
        key = source.open(uri, access)
        scheme, digest = key.schemes[0]
        key.close()
        key.close()
        with pytest.raises(KysoError):
            key.sign(_digests(1, digest), scheme)

    def test_a_wrong_secret_is_key_trouble(self, source: KeySource, uri: str, wrong_access: KeyAccess | None) -> None:
        """A wrong secret raises KeyTrouble with words in both languages and without the secret in them."""
        if wrong_access is None:
            pytest.skip("these keys need no secret")
        with pytest.raises(KeyTrouble) as raised:
            source.open(uri, wrong_access)
        for language in text.LANGUAGES:
            assert "wrong-secret" not in raised.value.message(language)
        assert text.has_text(raised.value.code), f"no words for {raised.value.code}"

    def test_a_missing_key_is_told(self, source: KeySource, access: KeyAccess, missing_uri: str | None) -> None:
        """A URI that names no key raises a KysoError that has words."""
        if missing_uri is None:
            pytest.skip("every URI names a key here")
        with pytest.raises(KysoError) as raised:
            source.open(missing_uri, access)
        assert text.has_text(raised.value.code), f"no words for {raised.value.code}"

    def test_listing_asks_for_no_secret(self, source: KeySource, uri: str, access: KeyAccess) -> None:
        """`list_keys` and `read_certificate` work without any secret."""
        scheme = uri.partition(":")[0]
        silent = replace(access, ask_secret=access_with().ask_secret)
        for described in source.list_keys(silent):
            assert described.uri.startswith(f"{scheme}:")
            for moment in (described.not_before, described.not_after):
                assert moment is None or moment.tzinfo is not None
        read = source.read_certificate(uri, silent)
        if read is not None:
            key = source.open(uri, access)
            assert read == key.certificate
            key.close()

    def test_it_says_whether_it_is_portable(self, source: KeySource) -> None:
        """`portable` is a plain yes or no."""
        assert isinstance(source.portable, bool)


def check_value(certificate: bytes, asked: DigestToSign, scheme: str, value: bytes) -> None:
    """Verify a signature value against a certificate.

    :raises cryptography.exceptions.InvalidSignature: it does not verify.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    known: dict[str, hashes.HashAlgorithm] = {
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }
    digest = known[asked.digest]
    public = x509.load_der_x509_certificate(certificate).public_key()
    if scheme == "ecdsa":
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(value, asked.value, ec.ECDSA(Prehashed(digest)))
        return
    assert isinstance(public, rsa.RSAPublicKey)
    padded: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if scheme == "rsa-pss":
        padded = padding.PSS(padding.MGF1(digest), digest.digest_size)
    public.verify(value, asked.value, padded, Prehashed(digest))


def _digests(count: int, digest: Any) -> list[DigestToSign]:
    return [
        DigestToSign(hashlib.new(digest, f"letter {number}".encode()).digest(), digest, f"{number}.pdf", str(number))
        for number in range(count)
    ]


# ------------------------------------------------------------------------------------------------------ placement


def blank_letter(
    *,
    pages: int = 2,
    size_mm: tuple[float, float] = (210.0, 297.0),
    rotation: int = 0,
    crop_mm: tuple[float, float, float, float] | None = None,
    user_unit: float = 1.0,
) -> bytes:
    """Return a PDF of empty pages.

    :param size_mm: width and height of the media box before rotation.
    :param rotation: /Rotate.
    :param crop_mm: (left, bottom, right, top) of the crop box in user space, as millimetres.
    :param user_unit: /UserUnit.
    """
    import pikepdf

    unit = 72 / 25.4 / user_unit
    with pikepdf.new() as pdf:
        for _ in range(pages):
            page = pdf.add_blank_page(page_size=(size_mm[0] * unit, size_mm[1] * unit))
            page.obj.Rotate = rotation
            if user_unit != 1.0:
                page.obj.UserUnit = user_unit
            if crop_mm is not None:
                page.obj.CropBox = pikepdf.Array([length * unit for length in crop_mm])
        stream = io.BytesIO()
        pdf.save(stream)
    return stream.getvalue()


@contextmanager
def opened(data: bytes) -> Iterator[Letter]:
    """Open a PDF as policies see it."""
    from kyso.document.opening import open_letter

    with open_letter(data, name="letter.pdf") as letter:
        yield letter


def _unverified() -> VerificationReport:
    pytest.fail("the policy verifies the letter; give `intent` a `check_signatures`")


class PlacementPolicyContract(_Contract):
    """What every placement policy must do. Give `contribution`; the other fixtures where the defaults do not serve."""

    @pytest.fixture
    def contribution(self) -> Contribution[PlacementPolicy]:
        """What the plugin registers."""
        raise NotImplementedError("give the fixture `contribution`")

    @pytest.fixture
    def settings(self) -> dict[str, str]:
        """Settings the policy needs, as ``--set`` gives them."""
        return {}

    @pytest.fixture
    def intent_changes(self) -> dict[str, Any]:
        """Fields of the intent that the policy needs: ``{"anchor": "GIÁM ĐỐC"}``."""
        return {}

    def letter_pdf(self, rotation: int) -> bytes:
        """Return a letter on which the policy finds its place, shown turned by `rotation`; override it if needed."""
        return blank_letter(rotation=rotation)

    @pytest.fixture
    def intent(
        self, contribution: Contribution[PlacementPolicy], settings: dict[str, str], intent_changes: dict[str, Any]
    ) -> PlacementIntent:
        """The intent the policy is asked with."""
        from kyso.placement.settings import parse_settings
        from kyso_stamps.fonts import FontChoice

        plain = PlacementIntent(
            signer=Signer("Nguyễn Văn Mẫu", "Ủy ban nhân dân xã An Bình", "CHỦ TỊCH"),
            signed_at=datetime(2026, 11, 20, 8, 30, tzinfo=VIETNAM_TIME),
            values=parse_settings(contribution.settings, settings),
            organisation="Ủy ban nhân dân xã An Bình",
            image=None,
            page=None,
            rect_mm=None,
            anchor=None,
            field=None,
            leader_field=None,
            time_pattern="%Y-%m-%dT%H:%M:%S+07:00",
            fonts=FontChoice(),
            check_signatures=_unverified,
        )
        return replace(plain, **intent_changes)

    def placed(self, contribution: Contribution[PlacementPolicy], intent: PlacementIntent, data: bytes) -> Placement:
        """Ask the policy, and check what holds for every placement."""
        with opened(data) as letter:
            placement = contribution.load().place(letter, intent)
            assert 1 <= placement.page <= letter.page_count
            assert placement.policy == contribution.name
            assert (placement.rect_mm is None) == (placement.stamp is None)
            if placement.rect_mm is not None and placement.stamp is not None:
                assert letter.page(placement.page).rect_mm.contains(placement.rect_mm, 0.01), "off the visible page"
                assert placement.rect_mm.width == pytest.approx(placement.stamp.width_mm, abs=0.01)
                assert placement.rect_mm.height == pytest.approx(placement.stamp.height_mm, abs=0.01)
        return placement

    @pytest.mark.parametrize("rotation", [0, 90, 180, 270])
    def test_it_stays_on_the_page(
        self, contribution: Contribution[PlacementPolicy], intent: PlacementIntent, rotation: int
    ) -> None:
        """The signature lies on the visible page however it is turned, and is as large as its stamp."""
        self.placed(contribution, intent, self.letter_pdf(rotation))

    def test_it_is_deterministic(self, contribution: Contribution[PlacementPolicy], intent: PlacementIntent) -> None:
        """Asked twice it answers the same, so that a preview is the truth."""
        data = self.letter_pdf(0)
        assert self.placed(contribution, intent, data) == self.placed(contribution, intent, data)

    def test_its_stamp_can_be_drawn(self, contribution: Contribution[PlacementPolicy], intent: PlacementIntent) -> None:
        """The stamp engine draws what the policy asks for."""
        from kyso_stamps.draw import draw

        placement = self.placed(contribution, intent, self.letter_pdf(0))
        if placement.stamp is not None:
            assert draw(placement.stamp, intent.fonts).parts

    def test_a_refusal_has_words(self, contribution: Contribution[PlacementPolicy], intent: PlacementIntent) -> None:
        """A page of 5 mm has no room: the policy refuses in words, or draws nothing."""
        tiny = blank_letter(pages=1, size_mm=(5.0, 5.0))
        code = None
        try:
            assert self.placed(contribution, intent, tiny).rect_mm is None
        except SigningRefused as refusal:
            code = refusal.code
        assert code is None or text.has_text(code), f"no words for {code}"

    def test_it_refuses_unknown_settings(self, contribution: Contribution[PlacementPolicy]) -> None:
        """A setting it does not declare is refused with the name."""
        from kyso.placement.settings import parse_settings

        with pytest.raises(WrongUse) as raised:
            parse_settings(contribution.settings, {"no_such_setting": "1"})
        assert "no_such_setting" in raised.value.message("en")

    def test_it_describes_itself(self, contribution: Contribution[PlacementPolicy]) -> None:
        """Name, summary and settings are told in both languages."""
        assert contribution.name == contribution.name.strip().lower() != ""
        for words in (contribution.summary, *(setting.summary for setting in contribution.settings)):
            assert words.vi.strip()
            assert words.en.strip()
        assert len({setting.name for setting in contribution.settings}) == len(contribution.settings)
