"""A batch on a cluster of Ray: cases go to actors that judge them, and judgments come back to the one ledger."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from judge_service.batch.known import in_short
from judge_service.batch.progress import Progress
from judge_service.batch.ray_actor import CASE, JUDGMENT, Ended, JudgeActor, Opening, packed_case, unpacked
from judge_service.batch.runner import BREATH, Run
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidConfiguration, RunRefused
from judge_service.settings import calm_ray, ray_address

log: Final = logging.getLogger(__name__)
_BLOCK_ROWS: Final = 32
_REACHED_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Ray, connected.

    Attributes:
        ray: the library.
        workers: how many actors judge.
    """

    ray: Any
    workers: int


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[Cluster]:
    """A cluster of Ray that runs elsewhere, or one of this machine's own, which ends with it.

    Args:
        address: as Ray takes it; RAY_ADDRESS if empty, and this machine if that is not set either.
        workers: how many actors are to judge; as many as there are CPUs if None.

    Raises:
        InvalidConfiguration: Ray is not installed, or there is no cluster at that address.
    """
    calm_ray()
    try:
        # Imported only here: it comes with an extra.
        ray, _ = importlib.import_module("ray"), importlib.import_module("ray.data")
    except ModuleNotFoundError:
        raise InvalidConfiguration("--ray needs an extra: pip install 'judge-service[ray]'") from None
    there = ray_address(address)
    _check_there(there)
    try:
        with _nothing_printed(), _same_handler():
            _connect(ray, there, workers)
    except (ConnectionError, ValueError, RuntimeError) as e:
        why = (str(e).strip().splitlines() or [type(e).__name__])[0]
        hint = " (it asks for a token: RAY_AUTH_MODE=token)" if "InvalidAuthToken" in str(e.__cause__) else ""
        raise InvalidConfiguration(f"--ray: {why}{hint}") from None
    try:
        _calm(ray)
        cpus = int(ray.cluster_resources().get("CPU", 0))
        wanted = workers or max(1, cpus)
        if wanted > cpus:
            log.warning("--ray: %d workers wait for a CPU each, and the cluster has %d so far", wanted, cpus)
        yield Cluster(ray, wanted)
    finally:
        ray.shutdown()


def _check_there(address: str) -> None:
    """Ray itself would try for five minutes.

    Raises:
        InvalidConfiguration: nobody listens there.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _REACHED_SECONDS).close()
        except OSError as e:
            raise InvalidConfiguration(f"--ray: no cluster answers at {address}: {e.strerror or e}") from None


def _connect(ray: Any, address: str, workers: int | None) -> None:
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        ray.init(address, num_cpus=workers, **quiet)
    else:
        ray.init(address, **quiet)


def _calm(ray: Any) -> None:
    """What Ray Data prints goes to its own files; a slow judge is no reason to give up."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1
    # One block in, one block out: half of what an actor made could not be told from all of it.
    context.target_max_block_size = None
    for printing in logging.getLogger("ray.data").handlers:
        if isinstance(printing, logging.StreamHandler):
            printing.setLevel(logging.CRITICAL)


@contextmanager
def _nothing_printed() -> Iterator[None]:
    """Ray's own core says on standard error, whatever it was told, that it was told to be quiet."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _same_handler() -> Iterator[None]:
    """Ray would end this process on SIGTERM, in the place of whoever hears it now."""
    heard_by = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, heard_by)


@dataclass(slots=True, kw_only=True)
class RayRun(Run):
    """A batch whose cases are judged by actors.

    The ledger is the checkpoint: a row that is finished never reaches Ray, and one whose worker died goes to another.

    Attributes:
        cluster: where actors run.
        opening: how each opens what judges.
        awaited: the cases that are handed out and not judged yet, in short.
    """

    cluster: Cluster
    opening: Opening
    awaited: set[int] = field(default_factory=set)

    async def carry_out(self) -> Progress:
        """Judges every row that is not done.

        Raises:
            RunRefused: a row has the id of a finished case and another text, or a worker would judge otherwise.
        """
        blocks = await self._handed_out()
        if blocks:
            async with aclosing(self._judged(blocks)) as judged:
                async for judgments in judged:
                    for judgment in judgments:
                        self._keep_once(judgment)
                    if self._is_ending:
                        # What else the workers have under way would be followed by more.
                        break
        self.is_drained = self._is_ending and bool(self.awaited)
        if self.awaited and not self.is_drained:
            raise RunRefused(f"{len(self.awaited)} cases did not come back from Ray; run the same command again")
        return self.progress

    def _keep_once(self, judgment: Judgment) -> None:
        """Of a case that came back twice, because a worker died as it answered, the first judgment counts."""
        name = in_short(judgment.case_id)
        if name in self.awaited:
            self.awaited.remove(name)
            self.keep(judgment)

    async def _handed_out(self) -> list[Any]:
        """All cases to judge as references to blocks in Ray's store, which goes to the disk where memory ends."""
        blocks: list[Any] = []
        waiting: list[bytes] = []
        count = 0
        async for row in self.incoming():
            count += 1
            taken = self.taken_up(row)
            if isinstance(taken, Case):
                self.awaited.add(in_short(taken.id))
                waiting.append(packed_case(row.where, taken))
            elif taken is not None:
                self.keep(taken)
            if len(waiting) == self._rows_each:
                blocks.append(self._put(waiting))
                waiting = []
            if count % BREATH == 0:
                await asyncio.sleep(0)
        return [*blocks, self._put(waiting)] if waiting else blocks

    def _put(self, packed: list[bytes]) -> Any:
        return self.cluster.ray.put(importlib.import_module("pyarrow").table({CASE: packed}))

    @property
    def _rows_each(self) -> int:
        """Small blocks: what is finished comes back soon, and what a dead worker had is soon done again."""
        return min(_BLOCK_ROWS, self.opening.at_once)

    async def _judged(self, blocks: Sequence[Any]) -> AsyncGenerator[list[Judgment]]:
        """The judgments, block by block, as they are made."""
        batches = await asyncio.to_thread(self._batches, blocks)
        try:
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield _judgments_in(batch[JUDGMENT])
        finally:
            # A thread that still waits for the next batch is let go as Ray goes down.
            with suppress(ValueError):
                batches.close()

    def _batches(self, blocks: Sequence[Any]) -> Generator[Any]:
        data = self.cluster.ray.data
        # Twice as many blocks as are judged at once: the next ones are there when the first are finished.
        at_a_time = max(2, 2 * self.opening.at_once // self._rows_each)
        pool = data.ActorPoolStrategy(
            size=self.cluster.workers,
            max_tasks_in_flight_per_actor=at_a_time,
            max_concurrent_calls_per_actor=at_a_time,
        )
        judged = data.from_arrow_refs(blocks).map_batches(
            JudgeActor,
            batch_size=None,
            batch_format="numpy",
            fn_constructor_args=(self.opening,),
            compute=pool,
            num_cpus=1,
        )
        batches: Generator[Any] = iter(judged.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0))
        return batches


def _judgments_in(packed: Iterable[bytes]) -> list[Judgment]:
    """The judgments of a block.

    Raises:
        RunRefused: there are none, and there will be none.
    """
    judgments = []
    for told in map(unpacked, packed):
        if isinstance(told, Ended):
            raise RunRefused(told.message)
        judgments.append(told)
    return judgments
