"""What a simulated provider calls when a request was decided: the integrator's address, twice, as real ones repeat.

The address comes from the command line of whoever runs the simulator. The body names the request and how it ended, and
carries no signature: what it is good for is to be ignored in favour of a status query.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress

from kyso.errors import RemoteFailed
from kyso.fetch import Fetcher, FetchPolicy

TIMES = 2
DEADLINE_S = 5.0


def call_back(url: str, transaction_id: str, decision: str) -> None:
    """Send the callbacks from a thread of their own, so that the phone's button does not wait for them."""
    threading.Thread(target=_send, args=(url, transaction_id, decision), daemon=True, name="kyso-callback").start()


def _send(url: str, transaction_id: str, decision: str) -> None:
    approved = decision == "approved"
    body = {
        "transaction_id": transaction_id,
        "status_code": 200 if approved else 400,
        "message": "SUCCESS" if approved else "SIGNER_REJECTED",
    }
    policy = FetchPolicy(deadline_s=DEADLINE_S, size_cap=1 << 16, redirects=0, allow_private=True)
    with Fetcher(policy) as fetcher:
        for _ in range(TIMES):
            # An address that does not answer is the integrator's to find out; a provider does not stop for it either.
            with suppress(RemoteFailed):
                fetcher.request(
                    "POST", url, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
                )
