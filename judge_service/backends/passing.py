"""Requests that are passed on to a judge's servers as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from judge_service.backends.base import Terms, TransientFault
from judge_service.backends.limited import Limited
from judge_service.backends.pool import Pool
from judge_service.backends.replica import Replica
from judge_service.backends.wires import Begun, Reply, Wire, seconds
from judge_service.errors import JudgeDown


class BrokenOff(Exception):
    """An answer broke off that was already passed on in part: nobody else may be asked for the rest."""


class Passing:
    """Carries requests to a judge's servers over the connections, in the line and in the places of its questions.

    Args:
        wire_of: the wire to a replica, by its name.

    Attributes:
        model: what the servers call the judge's model.
    """

    def __init__(self, pool: Pool, wire_of: Callable[[str], Wire], model: str) -> None:
        self._pool = pool
        self._wire_of = wire_of
        self.model = model

    async def carry(self, path: str, body: bytes, terms: Terms, deliver: Callable[[Begun], Awaitable[None]]) -> None:
        """Carries a request to a server that can be reached, and its answer to who delivers it.

        Raises:
            JudgeDown: no server answered; nothing was delivered.
            BrokenOff: the answer did not come to its end.
            TimeoutError: the deadline passed, and perhaps something was delivered.
        """

        async def ask(replica: Replica) -> None:
            wire, place = self._wire_of(replica.name), replica.backend
            assert isinstance(place, Limited)
            await place.carried(partial(_carried, wire, path, body, deliver), terms)

        try:
            await self._pool.asked(ask, terms)
        except TransientFault as e:
            raise JudgeDown(str(e)) from None


async def _carried(wire: Wire, path: str, body: bytes, deliver: Callable[[Begun], Awaitable[None]]) -> Reply:
    async with wire.begun(path, body) as begun:
        try:
            await deliver(begun)
        except TransientFault as e:
            raise BrokenOff(str(e)) from None
        return Reply(begun.status, b"", seconds(begun.headers.get("retry-after")))
