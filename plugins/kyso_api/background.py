"""What goes on beside the requests, in every replica: asking about waiting letters, delivering, sweeping.

Replicas share the work through claims on rows; one that stops leaves it to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kyso.errors import KysoError
from kyso.fetch import Fetcher
from kyso_api import contents, signing, waiting_letters, webhooks

if TYPE_CHECKING:
    from kyso_api.service import Service

_DELIVERY_PAUSE_S = 2.0
_SWEEP_PAUSE_S = 60.0
_LEAST_PAUSE_S = 1.0
"""Between two rounds, however often somebody hints that there is something to ask for."""


async def ask_about_waiting(service: Service) -> None:
    """Ask the other side about each letter that waits, again and again, until it has ended."""
    pause = timedelta(seconds=service.settings.poll_s)

    async def once() -> None:
        hinted = service.hinted.is_set()
        service.hinted.clear()
        now = datetime.now(UTC)
        for letter in await service.run(waiting_letters.still_waiting, service.records, now - service.sending_takes):
            if not hinted and now - letter.changed_at < pause:
                return  # they come in the order in which they were asked about
            with suppress(KysoError):  # its end is recorded, or it is asked again
                await signing.resume(service, letter)

    await _again_and_again(service, once, service.settings.poll_s, "ask_about_waiting", hurry=service.hinted)


async def deliver_webhooks(service: Service) -> None:
    """Deliver what is to be told, as its time comes."""
    with Fetcher(webhooks.policy_of(service.settings)) as fetcher:

        async def deliver(delivery: webhooks.Delivery) -> None:
            outcome = await service.run(webhooks.deliver, service.records, delivery, fetcher)
            service.metrics.deliveries.labels(outcome).inc()
            service.log.write("webhook", delivery=delivery.id, outcome=outcome, attempt=delivery.attempts + 1)

        async def once() -> None:
            due = await service.run(webhooks.due, service.records)
            await asyncio.gather(*(deliver(delivery) for delivery in due))

        await _again_and_again(service, once, _DELIVERY_PAUSE_S, "deliver_webhooks")


async def sweep(service: Service) -> None:
    """Delete what has outlived its time."""

    async def once() -> None:
        await service.run(contents.sweep, service.records)

    await _again_and_again(service, once, _SWEEP_PAUSE_S, "sweep")


async def _again_and_again(
    service: Service,
    once: Callable[[], Awaitable[None]],
    pause_s: float,
    name: str,
    hurry: asyncio.Event | None = None,
) -> None:
    """Do something again and again.

    :param hurry: cuts the pause short, down to a second.
    """
    while not service.closing:
        try:
            await once()
        except KysoError as error:
            # The database may be away for a while; the next round finds it again.
            service.log.write("background_failed", loop=name, code=error.code)
        least_s = min(pause_s, _LEAST_PAUSE_S)
        await asyncio.sleep(least_s)
        if hurry is None:
            await asyncio.sleep(pause_s - least_s)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(hurry.wait(), pause_s - least_s)
