"""Asking the person whom to permit: a page, the places it names, and a place inside the network."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from kyso.fetch import FetchFailed, is_forbidden
from kyso_desk.agent.contract import PageRequest
from kyso_desk.agent.origins import OriginStore, Permission, is_encrypted, is_this_machine, place_of
from kyso_desk.agent.transfer import is_private_refusal, places_of

if TYPE_CHECKING:
    from kyso_desk.agent.service import Windowed

T = TypeVar("T")


class Consent:
    """Asks for permissions that are not there yet and keeps what was given."""

    def __init__(self, store: OriginStore) -> None:
        self._store = store

    async def page(
        self, origin: str, places: tuple[str, ...], windowed: Windowed, request: PageRequest | None = None
    ) -> Permission:
        """Return the permission of a page for everything that its request names, asking for what is missing.

        :raises Cancelled: the person said no.
        :raises InputRefused: an address is none.
        """
        wanted = tuple(dict.fromkeys((*places, *(places_of(request) if request is not None else ()))))
        known = self._store.find(origin)
        missing = [place for place in wanted if known is None or place not in known.all_places]
        if known is not None and not missing:
            return known
        shown = [origin, *(place for place in missing if place != origin)]
        await windowed.confirmation().ask(
            "origin",
            ("allow",),
            known=known is not None,
            places=[
                {
                    "place": place,
                    "own": place == origin,
                    "encrypted": is_encrypted(place),
                    "inside": _is_inside(place),
                }
                for place in (shown if known is None else shown[1:])
            ],
        )
        # What an address says of itself was read by the person together with the permission.
        inside = tuple(place for place in shown if _is_inside(place))
        return self._store.permit(origin, places=tuple(missing), private=inside)

    async def moved(self, origin: str, url: str, windowed: Windowed, move: Callable[[Permission], T]) -> T:
        """Fetch or deliver; where the place turns out to be inside the network, ask the person whether it should be.

        :param move: does it, in a thread, with the permission as it stands.
        :raises Cancelled: the person said no.
        :raises KysoError: it was refused or failed.
        """
        permission = self._store.find(origin) or self._store.permit(origin)
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
