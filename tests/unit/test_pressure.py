"""Limiter and pool against servers in simulated time: seconds are exact, and cost nothing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Any

import pytest
from simulated_time import simulated

from judge_service.backends.base import Backend, Held, Terms, TransientFault
from judge_service.backends.limited import Limited
from judge_service.backends.pool import Pool
from judge_service.backends.retried import Retried
from judge_service.domain.answers import Choice
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span

ASKED = [JudgePrompt("j", (), (Span("Which?"),), Choice(("A", "B")), Sampling())]
ANSWER = [Completion("A")]


class Server:
    """Answers after so many seconds; beyond its capacity calls wait in its queue, or are refused."""

    def __init__(
        self, seconds: float = 1.0, capacity: int = 0, rejects: bool = False, after: float | None = None
    ) -> None:
        self.seconds, self.rejects, self.after = seconds, rejects, after
        self.places = asyncio.Semaphore(capacity or 10**6)
        self.running = self.waiting = self.most = self.calls = self.refused = 0
        self.cases: Counter[int] = Counter()
        self.is_closed = False
        self.fault: TransientFault | None = None

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        assert not self.is_closed
        if self.fault is not None:
            raise self.fault
        if self.rejects and self.places.locked():
            self.refused += 1
            raise TransientFault("judge_unavailable", "full", self.after, 429)
        self.waiting += 1
        self.most = max(self.most, self.running + self.waiting)
        try:
            await self.places.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
            self.places.release()
        self.calls += 1
        self.cases[terms.affinity] += 1
        return ANSWER

    async def look(self) -> tuple[int, int]:
        return self.running, self.waiting

    async def aclose(self) -> None:
        self.is_closed = True


def affinity(case: int) -> int:
    return (case + 1) * 0x9E3779B97F4A7C15 % 2**64


async def pair(backend: Backend, case: int, timeout: float = 120.0, batch: bool = True) -> list[str]:
    """Both orders of a case, asked at once: what came of each."""
    deadline = asyncio.get_running_loop().time() + timeout
    terms = Terms(deadline, affinity=affinity(case), held=Held() if batch else None)
    answers = await asyncio.gather(*(backend.complete(ASKED, terms) for _ in range(2)))
    return [c.failure.kind if c.failure else c.text or "" for (c,) in answers]


async def judged(pool: Pool, cases: Iterable[int], until: float = float("inf")) -> list[str]:
    """As many pairs under way as the pool has room for, until none is left or the time is up: what came of all."""
    backend, came, at_once, loop = Retried(pool), [], 0, asyncio.get_running_loop()
    left = iter(cases)

    async def worker(group: asyncio.TaskGroup) -> None:
        nonlocal at_once
        for case in left:
            if loop.time() >= until:
                break
            if pool.has_room(at_once):
                at_once += 1
                group.create_task(worker(group))
            came.extend(await pair(backend, case))
            if at_once > 1 and not pool.has_room(at_once - 1):
                break
        at_once -= 1

    async with asyncio.TaskGroup() as group:
        at_once += 1
        group.create_task(worker(group))
    return came


def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Simulated seconds that it takes."""

    async def measured() -> float:
        await work()
        return asyncio.get_running_loop().time()

    return simulated(measured())


async def answered_by(servers: Sequence[Server], most: int, seconds: float) -> int:
    """How many calls these replicas answer in so many seconds, with cases without end before them."""
    pool = Pool([(f"http://r{i}", Limited(server, most)) for i, server in enumerate(servers)])
    working = asyncio.create_task(judged(pool, count(), seconds))
    await asyncio.sleep(seconds + 0.01)
    calls = sum(server.calls for server in servers)
    await working
    return calls


@pytest.mark.parametrize("most", [2, 4])
def test_one_of_64_replicas_that_is_five_times_slower_costs_less_than_three_per_cent(most: int):
    equal = simulated(answered_by([Server() for _ in range(64)], most, 40.0))
    slower = simulated(answered_by([Server(5.0), *(Server() for _ in range(63))], most, 40.0))
    assert equal == 64 * most * 40
    assert slower / equal > 0.97


def test_no_more_cases_are_under_way_than_keep_every_place_busy():
    async def work() -> None:
        servers = [Server() for _ in range(8)]
        pool = Pool([(f"http://r{i}", Limited(server, 4)) for i, server in enumerate(servers)])
        begun, backend = 0, Retried(pool)
        tasks = []
        while pool.has_room(begun):
            tasks.append(asyncio.create_task(pair(backend, begun)))
            begun += 1
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert sum(server.running for server in servers) == 32
        assert 32 <= begun <= 34
        await asyncio.gather(*tasks)

    simulated(work())


def test_calls_of_one_case_stay_together_however_busy_the_replicas_are():
    async def work() -> None:
        servers = [Server(1.0 + i) for i in range(5)]
        pool = Pool([(f"http://r{i}", Limited(server, 3)) for i, server in enumerate(servers)])
        await judged(pool, range(400))
        split = sum(len(server.cases) for server in servers) - 400
        assert sum(server.calls for server in servers) == 800
        assert split <= 8

    simulated(work())


def test_a_case_leaves_a_full_replica_only_while_it_is_full():
    async def work() -> None:
        servers = {name: Server() for name in ("http://r0", "http://r1")}
        pool = Pool([(name, Limited(server, 2)) for name, server in servers.items()])
        homes = {}
        for case in range(20):
            await pair(Retried(pool), case)
            homes[case] = next(name for name, server in servers.items() if affinity(case) in server.cases)
        first, second = [case for case, home in homes.items() if home == "http://r0"][:2]
        await asyncio.gather(pair(Retried(pool), first), pair(Retried(pool), second))
        assert [server.cases[affinity(first)] for server in servers.values()] == [4, 0]
        assert [server.cases[affinity(second)] for server in servers.values()] == [2, 2]

    simulated(work())


def test_waiting_for_a_place_is_not_counted_against_a_case_of_a_batch_but_against_one_that_somebody_waits_for():
    async def work(batch: bool) -> list[list[str]]:
        backend = Retried(Pool([("http://r", Limited(Server(50.0), 2))]))
        return await asyncio.gather(*(pair(backend, case, batch=batch) for case in range(6)))

    assert simulated(work(True)) == [["A", "A"]] * 6
    assert simulated(work(False)) == [["A", "A"]] * 2 + [["timeout", "timeout"]] * 4


def test_several_replicas_hold_cases_of_a_batch_back_in_the_same_way():
    async def work() -> list[list[str]]:
        backend = Retried(Pool([(f"http://r{i}", Limited(Server(50.0), 1)) for i in range(2)]))
        return await asyncio.gather(*(pair(backend, case) for case in range(8)))

    assert simulated(work()) == [["A", "A"]] * 8


def test_a_server_that_refuses_is_sent_what_it_takes_and_no_case_is_lost():
    async def work() -> tuple[Server, Limited, list[str]]:
        server = Server(1.0, capacity=8, rejects=True, after=1.0)
        limited = Limited(server, 256)
        return server, limited, await judged(Pool([("http://r", limited)]), range(400))

    server, limited, came = simulated(work())
    assert came == ["A"] * 800
    assert limited.limit <= 10
    assert server.refused < 600
    assert timed(work) < 1.1 * 800 / 8 + 10


def test_what_a_server_would_only_queue_is_held_here_and_the_run_is_as_fast():
    async def work(looks: bool) -> tuple[Server, Limited, list[str]]:
        server = Server(1.0, capacity=8)
        limited = Limited(server, 256, server.look if looks else None)
        came = await judged(Pool([("http://r", limited)]), range(2000))
        assert server.waiting <= 2 + 256 * (not looks)
        return server, limited, came

    _, limited, came = simulated(work(True))
    assert came == ["A"] * 4000
    assert 8 <= limited.limit <= 16
    assert timed(lambda: work(True)) <= 1.01 * timed(lambda: work(False))


def test_a_case_that_ran_out_of_time_in_the_servers_queue_is_asked_for_once_more():
    async def work(looks: bool) -> Counter[str]:
        server = Server(30.0, capacity=8)
        limited = Limited(server, 64, server.look if looks else None)
        return Counter(await judged(Pool([("http://r", limited)]), range(64)))

    assert simulated(work(True)) == {"A": 128}
    assert simulated(work(False))["timeout"] > 20


def test_nothing_is_sent_to_a_server_that_takes_nothing_until_the_time_it_named():
    async def work() -> None:
        server = Server(1.0)
        server.fault = TransientFault("judge_unavailable", "full", 30.0, 429)
        backend = Retried(Limited(server, 4))
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(pair(backend, 1))
        await asyncio.sleep(0.1)
        server.fault = None
        await pair(backend, 2)
        assert loop.time() == pytest.approx(31.0, abs=0.1)
        await first

    simulated(work())


def test_the_queue_of_a_server_that_fails_is_not_looked_at():
    async def work() -> None:
        server, looks = Server(5.0), []

        async def look() -> tuple[int, int]:
            looks.append(asyncio.get_running_loop().time())
            return 1, 0

        limited = Limited(server, 4, look)
        await limited.complete(ASKED, Terms())
        assert looks == [2.0, 4.0]
        server.fault = TransientFault("judge_unavailable", "broken", None, 500)
        with pytest.raises(TransientFault):
            await limited.complete(ASKED, Terms())
        server.fault = None
        waiting = asyncio.create_task(limited.complete(ASKED, Terms()))
        await asyncio.sleep(4.5)
        assert looks == [2.0, 4.0]
        await waiting
        await limited.aclose()

    simulated(work())


def test_a_call_that_is_cancelled_while_it_waits_takes_no_place_with_it():
    async def work(replicas: int) -> None:
        servers = [Server(10.0) for _ in range(replicas)]
        backend = Retried(Pool([(f"http://r{i}", Limited(server, 2)) for i, server in enumerate(servers)]))
        tasks = [asyncio.create_task(pair(backend, case)) for case in range(4 * replicas)]
        await asyncio.sleep(5.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.gather(*(pair(backend, case) for case in range(replicas))) == [["A", "A"]] * replicas

    assert timed(lambda: work(1)) == pytest.approx(15.0)
    assert timed(lambda: work(3)) <= 25.0


def test_a_replica_that_is_dropped_finishes_its_calls_and_is_closed_and_a_new_one_is_given_some():
    async def work() -> None:
        old, kept, new = Server(10.0), Server(10.0), Server(1.0)
        pool = Pool([("http://old", Limited(old, 4)), ("http://kept", Limited(kept, 4))])
        running = asyncio.create_task(judged(pool, range(60)))
        await asyncio.sleep(5.0)
        assert old.running == 4
        await pool.drop("http://old")
        pool.add("http://new", Limited(new, 4))
        await asyncio.sleep(4.0)
        assert not old.is_closed
        assert new.running == 4
        await asyncio.sleep(2.0)
        assert old.is_closed
        assert await running == ["A"] * 120
        assert old.calls == 4
        assert sum(server.calls for server in (old, kept, new)) == 120

    simulated(work())


def test_calls_in_the_line_are_asked_elsewhere_when_all_replicas_but_one_have_gone():
    async def work() -> list[list[str]]:
        servers = [Server(10.0) for _ in range(3)]
        pool = Pool([(f"http://r{i}", Limited(server, 2)) for i, server in enumerate(servers)])
        tasks = [asyncio.create_task(pair(Retried(pool), case)) for case in range(12)]
        await asyncio.sleep(1.0)
        await pool.drop("http://r0")
        await pool.drop("http://r1")
        return await asyncio.gather(*tasks)

    assert simulated(work()) == [["A", "A"]] * 12
