"""The way to one Redis server: few and full operations, a limit on the time of each, and none while it is down."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from judge_service.backends.batching import Batches
from judge_service.backends.outage import Outage

log: Final = logging.getLogger(__name__)
T = TypeVar("T")
Command = tuple[str | bytes | int, ...]

LIMIT_SECONDS: Final = 0.25
MOST: Final = 256
"""How much goes into one operation: keys that are read, or commands that write (a large value weighs more)."""
_LANES: Final = 2
_TICKS: Final = 5
_PATIENCE_SECONDS: Final = 30.0
_CLOSING_SECONDS: Final = 1.0
_FAULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TimeoutError, "slow"),
    (exceptions.TimeoutError, "slow"),
    (exceptions.AuthenticationError, "password"),
    (exceptions.BusyLoadingError, "loading"),
    (exceptions.OutOfMemoryError, "full"),
    (exceptions.ReadOnlyError, "read_only"),
    (exceptions.ResponseError, "refused"),
    (exceptions.ConnectionError, "unreachable"),
    (OSError, "unreachable"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Stands where a reply should.

    Attributes:
        kind: slow, unreachable, loading, password, full, read_only, refused, damaged, or resting (it was not asked).
        is_refusal: the server is there and answered this one command with an error.
    """

    kind: str
    message: str
    is_refusal: bool = False


RESTING: Final = Fault("resting", "left alone for a moment after a failure")


class RedisLink:
    """Reads and commands of concurrent callers go out together; what fails is a miss or a `Fault`, never an exception.

    A server that fails is left alone for a quarter of a second, and for up to five while it keeps failing; one that
    takes no writes is still read. The first fault of an outage is logged, and its end.

    Args:
        url: redis://, rediss:// or unix://, with the client's options as its query.
        limit: seconds that one operation may take; time in which this process was too busy to look does not count.
        what: what is kept there, as the log calls it, and what becomes of it while the server is down.

    Attributes:
        faults: how many operations failed, by kind.

    Raises:
        ValueError, TypeError: the URL is wrong.
    """

    def __init__(
        self,
        url: str,
        limit: float = LIMIT_SECONDS,
        what: tuple[str, str] = ("the cache", "judging goes on without it"),
    ) -> None:
        # Attempts and times are our own business: the client's would add up to seconds.
        self._client: Redis = Redis.from_url(
            url, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_connect_timeout=None, protocol=2
        )
        pool = self._client.connection_pool
        pool.connection_kwargs["decode_responses"] = False
        pool.connection_class(**pool.connection_kwargs)  # an unknown option in the URL shows here
        self.address = _address(pool.connection_kwargs)
        self.faults: Counter[str] = Counter()
        self._limit = limit
        self._what, self._meanwhile = what
        self._down = Outage()
        self._closed_for_writes = Outage()
        self._reads: Batches[bytes, bytes | None] = Batches(self._read, MOST, _LANES)
        self._commands: Batches[Command, Any] = Batches(self._ordered, MOST)

    async def get(self, names: Sequence[bytes]) -> list[bytes | None]:
        """The string under each name, all read at one instant if they are few; None for nothing and for a fault."""
        if self._down.rests(_now()):
            return [None] * len(names)
        return await self._reads.ask(names)

    async def run(self, commands: Sequence[Command], weight: int = 0) -> list[Any]:
        """Replies to commands, which the server meets in the order in which they were handed in here."""
        if self._down.rests(_now()):
            return [RESTING] * len(commands)
        return await self._commands.ask(commands, weight)

    async def write(self, commands: Sequence[Command], weight: int = 0) -> list[Any]:
        """`run` for commands that a full or read-only server refuses: it is then spared them for a while."""
        if not self._closed_for_writes.admits(_now()):
            return [RESTING] * len(commands)
        replies = await self.run(commands, weight)
        refusals = [reply for reply in replies if isinstance(reply, Fault) and reply.is_refusal]
        if refusals and self._closed_for_writes.failed(_now()):
            log.warning(
                "the cache %s takes no new entries (%s): judging goes on with what it has",
                self.address,
                refusals[0].message,
            )
        elif not any(isinstance(reply, Fault) for reply in replies) and self._closed_for_writes.worked():
            log.warning("the cache %s takes entries again", self.address)
        return replies

    async def _read(self, names: list[bytes]) -> list[bytes | None]:
        found = await self._tried(lambda: self._client.mget(names), len(names))
        if isinstance(found, Fault):
            return [None] * len(names)
        return [value if isinstance(value, bytes) else None for value in found]

    async def _ordered(self, commands: list[Command]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies = await self._tried(lambda: pipeline.execute(raise_on_error=False), len(commands))
        if isinstance(replies, Fault):
            return [replies] * len(commands)
        return [self._refusal(reply) if isinstance(reply, Exception) else reply for reply in replies]

    def _refusal(self, error: Exception) -> Fault:
        fault = Fault(_kind(error), str(error), is_refusal=True)
        self.faults[fault.kind] += 1
        return fault

    async def _tried(self, operation: Callable[[], Awaitable[list[Any]]], replies: int) -> list[Any] | Fault:
        """What an operation brings, or what kept it from that."""
        if not self._down.admits(_now()):
            return RESTING
        try:
            result = await within(self._limit, operation())
        except Exception as e:  # noqa: BLE001 - a damaged answer can end in any error of the client's parser
            return self._failed(Fault(_kind(e), str(e) or type(e).__name__))
        if len(result) != replies:
            return self._failed(Fault("damaged", f"{len(result)} replies instead of {replies}"))
        if self._down.worked():
            log.warning("%s %s is back", self._what, self.address)
        return result

    def _failed(self, fault: Fault) -> Fault:
        self.faults[fault.kind] += 1
        if self._down.failed(_now()):
            log.warning(
                "%s %s does not answer (%s: %s): %s",
                self._what,
                self.address,
                fault.kind,
                fault.message,
                self._meanwhile,
            )
        return fault

    async def asked(self, *command: str | bytes | int) -> Any:
        """One command's reply, for a person who waits for it.

        Raises:
            RedisError, OSError, TimeoutError: it could not be carried out.
        """
        reply: Awaitable[Any] = self._client.execute_command(*command)  # type: ignore[no-untyped-call]
        return await within(_PATIENCE_SECONDS, reply)

    async def aclose(self) -> None:
        """Finishes what is under way and closes the connections."""
        await self._reads.settled()
        await self._commands.settled()
        with suppress(exceptions.RedisError, OSError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._client.aclose()


async def within(seconds: float, operation: Awaitable[T]) -> T:
    """The operation's result.

    The time is counted in a few parts, so that a loop that was held up counts one part at most: our own being busy must
    not look like a slow server.

    Raises:
        TimeoutError: it took longer; it has been cancelled.
    """
    task = asyncio.ensure_future(operation)
    task.add_done_callback(_noticed)
    try:
        for _ in range(_TICKS):
            done, _ = await asyncio.wait((task,), timeout=seconds / _TICKS)
            if done:
                return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=seconds)
    raise TimeoutError(f"no answer within {seconds:g} s")


def _noticed(task: asyncio.Future[Any]) -> None:
    """Looks at what became of a task that nobody waits for any more, so that it is not reported as forgotten."""
    if not task.cancelled():
        task.exception()


def _kind(error: Exception) -> str:
    return next((kind for sort, kind in _FAULTS if isinstance(error, sort)), "damaged")


def _address(where: dict[str, Any]) -> str:
    """Where the server is, without the secrets its URL may hold."""
    if where.get("path"):
        return f"unix://{where['path']}"
    return f"redis://{where.get('host', 'localhost')}:{where.get('port', 6379)}/{where.get('db') or 0}"


def _now() -> float:
    return asyncio.get_running_loop().time()
