"""One call for equal questions among processes that share a Redis, whatever becomes of the one that makes it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from asking_process import question
from redis_server import RedisServer, running

from judge_service.backends.base import Terms, failed
from judge_service.backends.cached import Cached
from judge_service.backends.redis_store import RedisStore
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import Usage

KEY = b"k" * 32
KEYS = [bytes([n]) * 32 for n in range(50)]
PROMPT = question(0)
NEVER = float("inf")


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running() as server:
        yield server


@asynccontextmanager
async def stores(url: str, n: int = 2, claim_seconds: float = 10.0) -> AsyncIterator[list[RedisStore]]:
    """As many processes would have."""
    async with AsyncExitStack() as stack:
        opened = [RedisStore(url, limit=5.0, claim_seconds=claim_seconds) for _ in range(n)]
        for store in opened:
            stack.push_async_callback(store.aclose)
        yield opened


class Judge:
    """Answers when it is let; what it was asked is written down."""

    def __init__(self, answer: Completion | None = None) -> None:
        self.asked: list[JudgePrompt] = []
        self.may_answer = asyncio.Event()
        self.answer = answer or Completion(text="yes", usage=Usage(judge_calls=1))

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        self.asked.extend(prompts)
        await self.may_answer.wait()
        return [self.answer for _ in prompts]

    async def aclose(self) -> None:
        """Nothing is held."""


def cached(judge: Judge, store: RedisStore) -> Cached:
    return Cached(judge, store, lambda: "judge", claims=store.claims)


def asking(backend: Cached, terms: Terms = Terms(), prompt: JudgePrompt = PROMPT) -> asyncio.Task[list[Completion]]:  # noqa: B008
    return asyncio.create_task(backend.complete([prompt], terms))


async def until(is_so: object, seconds: float = 5.0) -> None:
    """Waits for a condition, a callable."""
    assert callable(is_so)
    for _ in range(round(seconds / 0.01)):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


# Claims by themselves.


async def test_of_all_who_claim_exactly_one_wins(redis_server: RedisServer) -> None:
    async with stores(redis_server.url, 4) as processes:
        won = await asyncio.gather(*(store.claims.acquire(KEYS) for store in processes))
    assert sorted(key for keys in won for key in keys) == KEYS


async def test_claims_of_one_moment_go_out_together(redis_server: RedisServer) -> None:
    async with stores(redis_server.url, 1) as (store,):
        await store.get_many([KEY])
        before = redis_server.ask("INFO", "stats")["total_connections_received"]
        won = await asyncio.gather(*(store.claims.acquire([key]) for key in KEYS))
        await asyncio.gather(*(store.claims.release([key]) for key in KEYS))
    assert all(won)
    assert (redis_server.calls("set"), redis_server.calls("eval")) == (len(KEYS), len(KEYS))
    assert redis_server.ask("INFO", "stats")["total_connections_received"] - before <= 3
    assert redis_server.names() == []


async def test_who_waits_gets_what_the_owner_made(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (owner, other):
        assert await owner.claims.acquire([KEY]) == {KEY}
        assert await other.claims.acquire([KEY]) == set()
        waiting = asyncio.create_task(other.claims.wait(KEY, NEVER))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await owner.put_many({KEY: b"made"})
        await owner.claims.release([KEY])
        assert await waiting == b"made"
        assert await other.claims.acquire([KEY]) == {KEY}


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_who_waits_is_told_that_the_owner_failed_or_has_gone(
    redis_server: RedisServer, is_elsewhere: bool
) -> None:
    async with stores(redis_server.url) as (owner, other):
        waiter = other.claims if is_elsewhere else owner.claims
        for has_failed, ending in ((False, "gone"), (True, "failed")):
            await owner.claims.acquire([KEY])
            assert await waiter.acquire([KEY]) == set()
            waiting = asyncio.create_task(waiter.wait(KEY, NEVER))
            await asyncio.sleep(0.02)
            await owner.claims.release([KEY], has_failed)
            assert await waiting == ending


@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_who_waits_does_not_wait_beyond_its_deadline(redis_server: RedisServer, is_elsewhere: bool) -> None:
    async with stores(redis_server.url) as (owner, other):
        await owner.claims.acquire([KEY])
        start = time.monotonic()
        waiter = other.claims if is_elsewhere else owner.claims
        assert await waiter.wait(KEY, asyncio.get_running_loop().time() + 0.2) == "late"
        assert 0.15 < time.monotonic() - start < 1


async def test_only_ones_own_claims_are_released(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (owner, other):
        await owner.claims.acquire([KEY])
        for has_failed in (False, True):
            await other.claims.release([KEY], has_failed)
            assert await other.claims.acquire([KEY]) == set()


async def test_a_claim_outlives_its_time_while_its_owner_lives_and_no_longer(redis_server: RedisServer) -> None:
    async with stores(redis_server.url, claim_seconds=0.6) as (owner, other):
        await owner.claims.acquire([KEY])
        await asyncio.sleep(1.2)
        assert await other.claims.acquire([KEY]) == set()
        owner.claims._own.clear()  # as if it had died
        start = time.monotonic()
        assert await other.claims.wait(KEY, NEVER) == "gone"
        assert time.monotonic() - start < 1.2


async def test_a_cancelled_claim_is_nobodys(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (owner, other):
        for steps in range(12):
            claiming = asyncio.create_task(owner.claims.acquire([KEY]))
            for _ in range(steps):
                await asyncio.sleep(0)
            claiming.cancel()
            await asyncio.wait([claiming])
            if not claiming.cancelled():
                await owner.claims.release([KEY])
            assert await other.claims.acquire([KEY]) == {KEY}
            await other.claims.release([KEY])


async def test_a_redis_that_fails_grants_every_claim() -> None:
    with running() as gone:
        pass
    async with stores(gone.url) as processes:
        for store in processes:
            assert await store.claims.acquire(KEYS) == set(KEYS)
            assert await store.claims.wait(b"x" * 32, NEVER) == "gone"
            await store.claims.release(KEYS)


async def test_another_type_under_a_claim_keeps_nobody_waiting(redis_server: RedisServer) -> None:
    async with stores(redis_server.url, 1) as (store,):
        judge = Judge()
        first = asking(cached(judge, store))
        await until(lambda: judge.asked)
        (claim,) = redis_server.names()
        judge.may_answer.set()
        await first
        redis_server.ask("FLUSHALL")
        redis_server.ask("RPUSH", claim, "x")
        assert (await asking(cached(judge, store)))[0].usage.judge_calls == 1
        assert (await asking(cached(judge, store)))[0].cached


# The cache with claims.


async def test_equal_questions_of_one_moment_reach_the_judge_once(redis_server: RedisServer) -> None:
    async with stores(redis_server.url, 3) as processes:
        judge = Judge()
        callers = [asking(cached(judge, store)) for store in processes for _ in range(10)]
        await until(lambda: judge.asked)
        await asyncio.sleep(0.05)
        judge.may_answer.set()
        answers = [completion for (completion,) in await asyncio.gather(*callers)]
    assert len(judge.asked) == 1
    assert {answer.text for answer in answers} == {"yes"}
    assert sum(answer.usage.judge_calls for answer in answers) == 1
    assert sum(answer.usage.cache_hits for answer in answers) == len(callers) - 1
    assert [name for name in redis_server.names() if b"claim" in name] == []


async def test_who_claims_late_finds_what_was_answered_meanwhile(redis_server: RedisServer) -> None:
    """Between a look-up that found nothing and the claim, another may have asked, answered and gone."""
    async with stores(redis_server.url) as (quick, late):
        judge = Judge()
        judge.may_answer.set()
        look_up = late.get_many

        async def delayed(keys: Sequence[bytes]) -> list[bytes | None]:
            late.get_many = look_up  # type: ignore[method-assign]
            found = await look_up(keys)
            await asking(cached(judge, quick))
            return found

        late.get_many = delayed  # type: ignore[method-assign]
        (answer,) = await asking(cached(judge, late))
    assert (len(judge.asked), answer.cached) == (1, True)


async def test_a_failure_is_not_shared_and_nobody_queues_behind_another(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        failing, working = Judge(failed("refused", "no")), Judge()
        first = asking(cached(failing, one))
        await until(lambda: failing.asked)
        later = [asking(cached(working, store)) for store in (one, other) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert not working.asked
        failing.may_answer.set()
        assert (await first)[0].failure is not None
        await until(lambda: len(working.asked) == len(later))
        working.may_answer.set()
        assert {completion.text for (completion,) in await asyncio.gather(*later)} == {"yes"}


async def test_when_the_asker_is_cancelled_the_next_one_asks(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        judge = Judge()
        first = asking(cached(judge, one))
        await until(lambda: judge.asked)
        later = [asking(cached(judge, store)) for store in (one, other) for _ in range(3)]
        await asyncio.sleep(0.05)
        first.cancel()
        await until(lambda: len(judge.asked) == 2)
        judge.may_answer.set()
        assert {completion.text for (completion,) in await asyncio.gather(*later)} == {"yes"}
    assert len(judge.asked) == 2


async def test_who_waits_is_late_at_its_own_deadline(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        judge = Judge()
        first = asking(cached(judge, one))
        await until(lambda: judge.asked)
        (late,) = await asking(cached(judge, other), Terms(deadline=asyncio.get_running_loop().time() + 0.1))
        assert late.failure
        assert late.failure.kind == "timeout"
        judge.may_answer.set()
        assert (await first)[0].text == "yes"
    assert len(judge.asked) == 1


@pytest.mark.parametrize("cache", ["refresh", "bypass"])
async def test_refresh_and_bypass_never_wait(redis_server: RedisServer, cache: str) -> None:
    async with stores(redis_server.url) as (one, other):
        slow, quick = Judge(), Judge(Completion(text="anew"))
        quick.may_answer.set()
        first = asking(cached(slow, one))
        await until(lambda: slow.asked)
        (answer,) = await asking(cached(quick, other), Terms(cache=cache))  # type: ignore[arg-type]
        assert answer.text == "anew"
        slow.may_answer.set()
        await first


async def test_tenants_share_neither_entries_nor_calls(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        judge = Judge()
        callers = [asking(cached(judge, one), Terms(tenant="a")), asking(cached(judge, other), Terms(tenant="b"))]
        await until(lambda: len(judge.asked) == 2)
        judge.may_answer.set()
        assert not any(completion.cached for (completion,) in await asyncio.gather(*callers))


async def test_each_question_of_a_round_is_kept_when_it_is_answered(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        judge, slow = Judge(), Judge()

        class Mixed(Judge):
            async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
                return await (slow if prompts[0].repeat else judge).complete(prompts, terms)

        judge.may_answer.set()
        both = asyncio.create_task(cached(Mixed(), one).complete([PROMPT, replace(PROMPT, repeat=1)], Terms()))
        await until(lambda: slow.asked)
        (answer,) = await asking(cached(Judge(), other), Terms(cache="only"))
        assert answer.text == "yes"
        slow.may_answer.set()
        await both


async def test_an_outage_in_the_middle_costs_nobody_an_answer(redis_server: RedisServer) -> None:
    async with stores(redis_server.url) as (one, other):
        judge = Judge()
        callers = [asking(cached(judge, store), prompt=question(n)) for store in (one, other) for n in range(20)]
        await until(lambda: len(judge.asked) == 20)
        redis_server.stop()
        await until(lambda: len(judge.asked) == 40)  # those that waited ask for themselves
        judge.may_answer.set()
        answers = await asyncio.gather(*callers)
    assert all(completion.text == "yes" for (completion,) in answers)


# Processes.


class Process:
    """One of several that ask; see `asking_process`."""

    def __init__(self, *arguments: object) -> None:
        program = Path(__file__).with_name("asking_process.py")
        command = [sys.executable, str(program), *map(str, arguments)]
        pipe = subprocess.PIPE
        self._process = process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr

    def begin(self) -> None:
        assert self._stdout.readline() == "ready\n"
        self._stdin.write("\n")
        self._stdin.flush()

    def answers(self) -> list[str]:
        answers = self._stdout.readline()
        self.end()
        return list(json.loads(answers))

    def kill(self) -> None:
        self._process.kill()
        self.end()

    def end(self) -> None:
        self._process.wait(30)
        told = self._stderr.read()
        for stream in (self._stdin, self._stdout, self._stderr):
            stream.close()
        assert told == "", told


def asked_at(server: RedisServer) -> list[int]:
    with server.client() as client:
        return [int(n) for n in client.hvals("asked")]


def test_processes_share_their_calls(redis_server: RedisServer) -> None:
    spans = [(0, 100), (50, 150), (0, 150)]
    processes = [Process(redis_server.url, first, last, 0.2, 10) for first, last in spans]
    for process in processes:
        process.begin()
    for process, (first, last) in zip(processes, spans, strict=True):
        assert process.answers() == [f"answer {n}" for n in range(first, last) for _ in range(3)]
    assert asked_at(redis_server) == [1] * 150


def test_a_killed_process_keeps_the_others_waiting_no_longer_than_its_claims_last(redis_server: RedisServer) -> None:
    doomed, heir = Process(redis_server.url, 0, 50, 60, 1.0), Process(redis_server.url, 0, 50, 0.01, 1.0)
    doomed.begin()
    while len(asked_at(redis_server)) < 50:
        time.sleep(0.01)
    heir.begin()
    time.sleep(1.5)
    assert asked_at(redis_server) == [1] * 50
    doomed.kill()
    start = time.monotonic()
    assert heir.answers() == [f"answer {n}" for n in range(50) for _ in range(3)]
    assert time.monotonic() - start < 1.0 + 2.0
    assert asked_at(redis_server) == [2] * 50
