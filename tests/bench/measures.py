"""The measurements. Each takes the stage and how often to repeat, and returns its figures with their targets."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from kyso.engine import Engine
from kyso.geometry import RectMm
from kyso.models import SignedDocument, SignRequest
from tests.bench import peer
from tests.bench.big_scan import write_scan
from tests.bench.desk import first_page
from tests.bench.figures import Figure
from tests.bench.placing import placing
from tests.bench.service import service_under_load
from tests.bench.stage import Run, Stage, median_ms, script
from tests.bench.tokens import token_signing
from tests.plugins.kbnn.measure import measure as measure_dossiers


def _request(stage: Stage, document: Path | bytes, *, visible: bool, out: Path | None = None) -> SignRequest:
    policy = "bench.stamp" if visible else "invisible"
    image = stage.picture if visible else None
    return SignRequest(document, key="leader", policy=policy, image=image, out=out)


def _signing(stage: Stage, engine: Engine, *, visible: bool) -> Callable[[], bytes]:
    letter = stage.letter.read_bytes()

    def sign() -> bytes:
        signed = engine.sign(_request(stage, letter, visible=visible))
        assert isinstance(signed, SignedDocument)
        assert signed.data is not None
        return signed.data

    return sign


def warm_signing(stage: Stage, rounds: int = 200, peer_rounds: int = 15) -> list[Figure]:
    """One letter after the other in one process, from memory to memory; then what a visible signature adds."""
    figures = []
    size = stage.letter.stat().st_size
    with stage.engine() as engine:
        for visible, name in ((False, "sign invisible, warm"), (True, "sign visible, warm")):
            ours, theirs = _signing(stage, engine, visible=visible), peer.signing(stage, visible=visible)
            mine = median_ms(ours, rounds, warm_up=3)
            figures.append(Figure(name, "ms", mine, median_ms(theirs, peer_rounds), least_ratio=80))
        figures.append(
            Figure(
                "bytes added, first visible", "kB", (len(ours()) - size) / 1000, (len(theirs()) - size) / 1000, limit=30
            )
        )
    return figures


def batch(stage: Stage, letters: int = 200, rounds: int = 5, peer_letters: int = 12) -> list[Figure]:
    """Visible letters from files to files: two processes of ours against one of pyHanko's."""
    folder = stage.folder / "batch"
    folder.mkdir(exist_ok=True)
    sources = [folder / f"letter-{number:03d}.pdf" for number in range(letters)]
    for source in sources:
        shutil.copyfile(stage.letter, source)
    theirs = peer.signing(stage, visible=True)
    theirs()
    start = time.perf_counter()
    for source in sources[:peer_letters]:
        (folder / f"peer-{source.name}").write_bytes(theirs())
    per_second = min(peer_letters, letters) / (time.perf_counter() - start)
    rates = []
    with stage.engine() as engine:
        # The first batch starts the workers, which a batch of thousands does once.
        for number in range(rounds + 1):
            # A new folder each time, and none removed before the end: letters that are kept are what is measured, and
            # a file system that discards freed blocks does so in the middle of the next round.
            out = stage.folder / f"batch-{number}"
            out.mkdir()
            requests = [_request(stage, source, visible=True, out=out / source.name) for source in sources]
            start = time.perf_counter()
            outcomes = list(engine.sign_many(requests, workers=2))
            rates.append(letters / (time.perf_counter() - start))
            assert all(isinstance(outcome, SignedDocument) for outcome in outcomes)
    for number in range(rounds + 1):
        shutil.rmtree(stage.folder / f"batch-{number}")
    # The issue asks for 1000 a second where one pyHanko process does 6: a ratio, because machines differ.
    warm = Figure(
        "batch visible, 2 processes, warm",
        "/s",
        statistics.median(rates[1:]),
        per_second,
        better="great",
        least_ratio=1000 / 6,
    )
    return [warm, Figure("batch visible, 2 processes, first", "/s", rates[0], per_second, better="great")]


def _alternating(ours: Callable[[], Run], theirs: Callable[[], Run], rounds: int) -> tuple[list[Run], list[Run]]:
    """Run both in turn, so that what else the machine does falls on both."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return [mine for mine, _ in pairs], [other for _, other in pairs]


def _wall(runs: list[Run]) -> float:
    return statistics.median(run.wall_s for run in runs)


def cold_commands(stage: Stage, rounds: int = 9) -> list[Figure]:
    """A whole process for one letter, with the caches that an earlier command left."""
    kyso, pyhanko = script("kyso"), script("pyhanko")
    secret = ("--secret-env", "KYSO_BENCH_PASSWORD", "--config", "kyso.toml")
    passfile = ("--passfile", "pki/password.txt", "letter.pdf")
    addsig = (pyhanko, "sign", "addsig", "--use-pades")

    def ours(*options: str) -> Run:
        return stage.run(
            kyso, "sign", "letter.pdf", "--key", "leader", *options, "--out", stage.fresh("a.pdf"), *secret
        )

    def theirs(*options: str) -> Run:
        return stage.run(*addsig, *options, "pkcs12", *passfile, stage.fresh("b.pdf"), "pki/leader.p12")

    figures = []
    for name, mine, other in (
        ("kyso sign invisible, cold", ("--policy", "invisible"), ("--field", "Sig1")),
        (
            "kyso sign visible, cold",
            ("--policy", "bench.stamp", "--image", "picture.png"),
            ("--field", "1/312,91,510,162/Sig1"),
        ),
    ):
        ours(*mine)
        our_runs, their_runs = _alternating(lambda o=mine: ours(*o), lambda o=other: theirs(*o), rounds)
        figures.append(Figure(name, "s", _wall(our_runs), _wall(their_runs), "pyhanko-cli", least_ratio=1 / 0.6))

    def verify() -> Run:
        return stage.run(
            kyso, "verify", "a.pdf", "--trust", "pki/root.pem", "--crl", "pki/crl", "--config", "kyso.toml"
        )

    def validate() -> Run:
        return stage.run(pyhanko, "sign", "validate", "--trust", "pki/root.pem", "--no-revocation-check", "b.pdf")

    our_runs, their_runs = _alternating(verify, validate, rounds)
    figures.append(
        Figure("kyso verify, cold", "s", _wall(our_runs), _wall(their_runs), "pyhanko-cli", least_ratio=1 / 0.6)
    )
    return figures


def big_scan(stage: Stage, pages: int = 110, rounds: int = 3) -> list[Figure]:
    """A scan of about 300 MB in cold processes, against ``cp`` of the same file, against ``cp`` and one SHA-256.

    The last is the floor on a given machine: without SHA instructions one pass over the file costs more than copying.
    """
    scan, copy, signed = stage.folder / "scan.pdf", stage.folder / "copy.pdf", stage.folder / "scan-signed.pdf"
    write_scan(scan, pages)
    kyso, pyhanko = script("kyso"), script("pyhanko")
    config = ("--config", "kyso.toml")
    secret = ("--secret-env", "KYSO_BENCH_PASSWORD")
    trust = ("--trust", "pki/root.pem")

    def sign() -> Run:
        stage.fresh(signed.name)
        policy = ("--policy", "invisible")
        return stage.run(kyso, "sign", scan, "--key", "leader", *policy, "--out", signed, *secret, *config)

    def copied() -> Run:
        stage.fresh(copy.name)
        return stage.run("cp", "--reflink=never", scan, copy)

    copied()
    runs, copies = _alternating(sign, copied, rounds)
    digests = [stage.run("openssl", "dgst", "-sha256", scan) for _ in range(rounds)]
    checks = [stage.run(kyso, "verify", signed, *trust, "--crl", "pki/crl", *config) for _ in range(rounds)]
    addsig = ("sign", "addsig", "--use-pades", "--field", "Sig1", "pkcs12", "--passfile", "pki/password.txt")
    peer_signing = stage.run(pyhanko, *addsig, scan, stage.fresh(copy.name), "pki/leader.p12")
    peer_checking = stage.run(pyhanko, "sign", "validate", *trust, "--no-revocation-check", copy)
    size = f"{scan.stat().st_size / 1e6:.0f} MB"
    for path in (scan, copy, signed):
        path.unlink()
    os.sync()
    cp, floor, cli = _wall(copies), _wall(copies) + _wall(digests), "pyhanko-cli"
    return [
        Figure(f"sign {size}", "s", _wall(runs), cp, "cp", least_ratio=1 / 2.5),
        Figure(f"sign {size}", "s", _wall(runs), floor, "cp + SHA-256"),
        Figure(f"sign {size}", "s", _wall(runs), peer_signing.wall_s, cli),
        Figure(
            f"sign {size}, peak memory", "MiB", max(run.peak_mib for run in runs), peer_signing.peak_mib, cli, limit=64
        ),
        Figure(f"verify {size}", "s", _wall(checks), peer_checking.wall_s, cli),
        Figure(f"verify {size}, peak memory", "MiB", max(run.peak_mib for run in checks), peer_checking.peak_mib, cli),
    ]


def warm_verifying(stage: Stage, counts: tuple[int, ...] = (1, 20, 50), rounds: int = 9) -> list[Figure]:
    """Letters that carry 1, 20 and 50 visible signatures, verified from memory in one process."""
    figures = []
    with stage.engine() as engine:
        for count in counts:
            data = _signed_often(stage, engine, count)
            ours, theirs = (lambda d=data: engine.verify(d)), peer.verifying(stage, data)
            assert ours().verdict == "valid", ours()
            assert theirs()
            mine = median_ms(ours, rounds)
            # pyHanko takes ten seconds for fifty signatures; once is enough there.
            other = median_ms(theirs, rounds if count < 10 else 1, warm_up=0)
            figures.append(Figure(f"verify, {count} signatures, warm", "ms", mine, other))
    return figures


def _signed_often(stage: Stage, engine: Engine, count: int) -> bytes:
    data = stage.letter.read_bytes()
    for number in range(count):
        place = RectMm(20.0 + 17 * (number % 10), 20.0 + 12 * (number // 10), 16.0, 10.0)
        signed = engine.sign(
            SignRequest(data, key="leader", policy="fixed", page=2, rect_mm=place, image=stage.picture)
        )
        assert isinstance(signed, SignedDocument)
        assert signed.data is not None
        data = signed.data
    return data


def dossiers(stage: Stage, count: int = 1000) -> list[Figure]:
    """Treasury dossiers of ten lines from JSON to both signers' envelopes, against the bare RSA operations in them."""
    found = measure_dossiers(count)
    return [
        Figure(f"{count} KBNN dossiers, signed", "s", found.total_s, found.rsa_s, "RSA alone", limit=6 * count / 1000)
    ]


MEASURES: dict[str, Callable[[Stage], list[Figure]]] = {
    "warm": warm_signing,
    "batch": batch,
    "cold": cold_commands,
    "verify": warm_verifying,
    "scan": big_scan,
    "kbnn": dossiers,
    "token": token_signing,
    "place": placing,
    "service": service_under_load,
    "desk": first_page,
}
