"""A letter that came on paper: its scan is stamped, signed by us as a digitised copy, and then entered.

The stamp ``ĐẾN`` shows the number of receipt, so the number is taken first, with a row that says it is being entered.
Whatever stops the signing (no token, a person who must confirm) leaves that row; receiving the same scan again goes on
with the same number (Decree 30/2020, Điều 22.3.b, 25.1.c and annex I).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kyso.errors import InputRefused, KeyTrouble
from kyso.models import Notice, SignedDocument, SignRequest
from kyso.receiving.cabinet import EVIDENCE, SUMS, digest_of, write_sums
from kyso.receiving.policy import reason_of
from kyso.receiving.reading import read_facts
from kyso.receiving.values import Decision, Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Arrival, Entry, PaperSigning, Reception

SCAN = "scan.pdf"
_STAMPED = ".stamped.pdf"  # no letter is kept under a hidden name
RULE = "paper"


def receive_paper(desk: IncomingDesk, arrival: Arrival, entry: Entry, part: Path, name: str) -> Reception:
    """Receive a scan; the caller holds the arrival's lock.

    :param entry: the row as it stands, or as it would be written.
    :raises InputRefused: the scan carries signatures already, or cannot be read.
    :raises KeyTrouble: it cannot be signed (yet).
    """
    signing = arrival.paper
    assert signing is not None
    terms = desk.terms(arrival)
    as_scanned = desk.judge(part / name, arrival.document.name, terms)
    if as_scanned.verdict == "unreadable":
        why = as_scanned.warnings[0] if as_scanned.warnings else Notice("verification.damaged")
        raise InputRefused(why.code, **{"name": arrival.document.name, **why.parameters})
    if as_scanned.signatures:
        raise InputRefused("intake.signed_already", name=arrival.document.name)
    folder = desk.cabinet.place(entry.folder)
    if entry.number is None:
        # Whatever can be refused is refused before a number is taken.
        for request in _requests(desk, signing, replace(entry, number=0), part / name, part / _STAMPED, part / SCAN):
            desk.engine.place(request)
        read, _ = read_facts(part / name, as_scanned, desk.engine.registry, arrival.password)
        (part / name).rename(part / SCAN)
        desk.cabinet.settle(part, entry.folder)
        facts = arrival.facts.completed(read)
        entry = desk.register.add(replace(entry, facts=facts, recorded_at=desk.now()), by=arrival.by).entry
    letter = folder / ("letter-" + name if name == SCAN else name)
    _sign(desk, signing, entry, folder, letter)

    terms = desk.terms(arrival)
    report = desk.judge(letter, letter.name, terms)
    decision = Decision("accept", RULE, (reason_of(Notice("intake.paper_signed")),))
    with desk.cabinet.building(entry.id) as built:
        lacking = desk.keep_evidence(built, letter, report, decision, terms)
        # A run that died after this step left evidence without an entry; it is made anew.
        desk.cabinet.remove(folder / EVIDENCE)
        desk.cabinet.move(built / EVIDENCE, folder / EVIDENCE)
    (folder / SUMS).unlink(missing_ok=True)
    (folder / _STAMPED).unlink(missing_ok=True)
    event = Event(desk.now(), "signed", arrival.by, {"key": signing.key, "policy": signing.copy_policy})
    entry = desk.register.change(
        entry.id,
        event,
        {
            "state": "entered",
            "letter_sha256": digest_of(letter),
            "manifest_sha256": write_sums(folder),
            "verdict": report.verdict,
        },
        decision=decision,
    )
    return desk.received(entry, report, lacking)


def _sign(desk: IncomingDesk, signing: PaperSigning, entry: Entry, folder: Path, letter: Path) -> None:
    """Stamp and sign the scan; a step whose output is there was done by an earlier run.

    :raises KeyTrouble: a person must confirm first.
    """
    if letter.exists():
        return
    scan, stamped = folder / SCAN, folder / _STAMPED
    for request in _requests(desk, signing, entry, scan, stamped, letter):
        if request.out is not None and request.out.exists():
            continue
        # What waits for a confirmation already is not asked for a second time.
        waiting = next((each for each in desk.engine.pending() if each.out_path == request.out), None)
        if waiting is not None:
            raise KeyTrouble("intake.paper_pending", reference=entry.reference, id=waiting.id)
        outcome = desk.engine.sign(request)
        if not isinstance(outcome, SignedDocument):
            raise KeyTrouble("intake.paper_pending", reference=entry.reference, id=outcome.prepared_id)


def _requests(
    desk: IncomingDesk, signing: PaperSigning, entry: Entry, scan: Path, stamped: Path, letter: Path
) -> Iterator[SignRequest]:
    """Return the signatures to make, in order: the stamp of receipt, then the mark of the digitised copy."""
    source = scan
    if signing.stamp_policy is not None:
        stamp = SignRequest(scan, signing.key, out=stamped, page=signing.stamp_page, rect_mm=signing.stamp_rect_mm)
        yield _with_policy(desk, signing, entry, stamp, signing.stamp_policy)
        source = stamped if stamped.exists() else scan
    yield _with_policy(desk, signing, entry, SignRequest(source, signing.key, out=letter), signing.copy_policy)


def _with_policy(
    desk: IncomingDesk, signing: PaperSigning, entry: Entry, request: SignRequest, policy: str
) -> SignRequest:
    known = {
        "number": str(entry.number),
        "date": entry.arrived_on.strftime("%d/%m/%Y"),
        "organisation": desk.organisation,
        "forward_to": entry.recipient,
        "copy_form": signing.copy_form,
    }
    declared = {setting.name for setting in desk.engine.registry.contribution("placement_policies", policy).settings}
    settings = {name: value for name, value in known.items() if name in declared and value}
    return replace(request, policy=policy, settings=settings)
