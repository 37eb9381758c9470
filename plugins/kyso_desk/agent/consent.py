"""Asking the person whom to permit: a page, the places it names, and a place inside the network."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from kyso.fetch import FetchFailed, is_forbidden
from kyso.plugin import InputRefused
from kyso_desk.agent.confirmation import Cancelled
from kyso_desk.agent.contract import PageRequest
from kyso_desk.agent.origins import OriginStore, Permission, is_encrypted, is_this_machine, place_of
from kyso_desk.agent.transfer import is_private_refusal, places_of

if TYPE_CHECKING:
    from kyso_desk.agent.service import Windowed

T = TypeVar("T")

REFUSED_S: Final = 60.0
"""How long a page that was not permitted is not heard."""

_MOST_REFUSED: Final = 500


class Consent:
    """Asks for permissions that are not there yet and keeps what was given."""

    def __init__(self, store: OriginStore) -> None:
        self._store = store
        self.refused_until: dict[str, float] = {}
        """Pages that the person did not permit, with the time (monotonic, seconds) until which they are not heard."""

    async def page(
        self, origin: str, places: tuple[str, ...], windowed: Windowed, request: PageRequest | None = None
    ) -> Permission:
        """Return the permission of a page for everything that its request names, asking for what is missing.

        :raises Cancelled: the person said no.
        :raises InputRefused: an address is none, or the page was not permitted a moment ago.
        """
        wanted = tuple(dict.fromkeys((*places, *(places_of(request) if request is not None else ()))))
        known = self._store.find(origin)
        missing = [place for place in wanted if known is None or place not in known.all_places]
        if known is not None and not missing:
            return known
        further = [place for place in missing if place != origin]
        shown = further if known is not None else [origin, *further]
        if known is None and time.monotonic() < self.refused_until.get(origin, 0.0):
            raise InputRefused("agent.origin_refused", origin=origin)
        try:
            await self._ask(windowed, origin, shown, known=known is not None)
        except Cancelled:
            if known is None:
                self._remember(origin)
            raise
        # What an address says of itself was read by the person together with the permission.
        inside = tuple(place for place in shown if _is_inside(place))
        return self._store.permit(origin, places=tuple(missing), private=inside)

    def _remember(self, origin: str) -> None:
        """Keep a page that was not permitted from asking again at once, so that no page wears a person down."""
        while len(self.refused_until) >= _MOST_REFUSED:
            self.refused_until.pop(next(iter(self.refused_until)))
        self.refused_until[origin] = time.monotonic() + REFUSED_S

    async def _ask(self, windowed: Windowed, origin: str, shown: list[str], *, known: bool) -> None:
        await windowed.confirmation().ask(
            "origin",
            ("allow",),
            known=known,
            places=[
                {
                    "place": place,
                    "own": place == origin,
                    "encrypted": is_encrypted(place),
                    "inside": _is_inside(place),
                }
                for place in shown
            ],
        )

    async def moved(self, origin: str, url: str, windowed: Windowed, move: Callable[[Permission], T]) -> T:
        """Fetch or deliver; where the place turns out to be inside the network, ask the person whether it should be.

        :param move: does it, in a thread, with the permission as it stands.
        :raises Cancelled: the person said no.
        :raises KysoError: it was refused or failed.
        """
        permission = self._store.find(origin)
        if permission is None:
            # Taken back while the request was under way.
            raise InputRefused("agent.origin_refused", origin=origin)
        try:
            return await asyncio.to_thread(move, permission)
        except FetchFailed as refused:
            place = place_of(url)
            if not is_private_refusal(refused) or place in permission.private or not _may_be_permitted(refused, place):
                raise
            address = str(refused.parameters.get("address", ""))
        await windowed.confirmation().ask("inside", ("allow",), place=place, address=address)
        permission = self._store.permit(origin, private=(place,))
        return await asyncio.to_thread(move, permission)


def _is_inside(place: str) -> bool:
    """Tell whether an address says by itself that it is inside the network or on this machine."""
    if is_this_machine(place):
        return True
    try:
        address = ipaddress.ip_address(urlsplit(place).hostname or "")
    except ValueError:
        return False
    return is_forbidden(address, allow_private=False) and not is_forbidden(address, allow_private=True)


def _may_be_permitted(refused: FetchFailed, place: str) -> bool:
    """Tell whether a person may permit the address: nobody permits what the guard refuses in any case."""
    try:
        address = ipaddress.ip_address(str(refused.parameters.get("address", "")).split("%")[0])
    except ValueError:
        return False
    return not is_forbidden(address, allow_private=True, allow_loopback=is_this_machine(place))
