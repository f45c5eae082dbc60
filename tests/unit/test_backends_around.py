"""What stands around a judge: single flight, retry, pool and limiter, against judges that are plain objects."""

import asyncio
from collections.abc import Sequence

import pytest

from judge_service.backends.base import Terms, TransientFault, failed
from judge_service.backends.fronted import Fronted
from judge_service.backends.limited import Limited
from judge_service.backends.pool import Gone, Pool
from judge_service.backends.retried import Retried
from judge_service.backends.shared import Shared
from judge_service.backends.stores import MemoryStore
from judge_service.domain.answers import Choice
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span

FOREVER = Terms()


def question(text: str = "Which?") -> JudgePrompt:
    return JudgePrompt("j", (), (Span(text),), Choice(("A", "B")), Sampling())


class Scripted:
    """Answers with its name; `faults` come first, and a gate holds answers back."""

    def __init__(self, name: str = "judge", faults: Sequence[TransientFault] = ()) -> None:
        self.name, self.faults, self.calls, self.most, self.now = name, list(faults), 0, 0, 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.always: TransientFault | None = None

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        self.calls += len(prompts)
        self.now += len(prompts)
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
        finally:
            self.now -= len(prompts)
        if self.always or self.faults:
            raise self.always or self.faults.pop(0)
        return [Completion(self.name) for _ in prompts]

    async def aclose(self) -> None:
        self.closed = True


def fault(status: int | None = 500, after: float | None = 0.0) -> TransientFault:
    return TransientFault("judge_unavailable", "planted", after, status)


async def test_equal_questions_at_the_same_moment_cause_one_call():
    judge = Scripted()
    judge.gate.clear()
    shared = Shared(judge, "id")
    asked = [asyncio.create_task(shared.complete([question(), question("Other?")], FOREVER)) for _ in range(5)]
    await asyncio.sleep(0)
    judge.gate.set()
    assert [[c.text for c in answers] for answers in await asyncio.gather(*asked)] == [["judge", "judge"]] * 5
    assert judge.calls == 2


@pytest.mark.parametrize("cache", ["bypass", "refresh"])
async def test_who_wants_an_answer_of_its_own_shares_none(cache):
    judge = Scripted()
    shared = Shared(judge, "id")
    await asyncio.gather(*(shared.complete([question()], Terms(cache=cache)) for _ in range(3)))
    assert judge.calls == 3


async def test_when_the_asker_is_cancelled_a_waiter_asks_for_itself():
    judge = Scripted()
    judge.gate.clear()
    shared = Shared(judge, "id")
    first = asyncio.create_task(shared.complete([question()], FOREVER))
    await asyncio.sleep(0)
    second = asyncio.create_task(shared.complete([question()], FOREVER))
    await asyncio.sleep(0)
    first.cancel()
    judge.gate.set()
    (answer,) = await second
    assert (answer.text, judge.calls) == ("judge", 2)


async def test_a_waiter_is_not_given_the_deadline_of_another():
    class Late(Scripted):
        async def complete(self, prompts, terms):
            await super().complete(prompts, terms)
            return [failed("timeout", "late") if self.calls == 1 else Completion("in time")]

    judge = Late()
    shared = Shared(judge, "id")
    answers = await asyncio.gather(shared.complete([question()], FOREVER), shared.complete([question()], FOREVER))
    assert [a[0].failure.kind if a[0].failure else a[0].text for a in answers] == ["timeout", "in time"]


async def test_a_waiter_stops_at_its_own_deadline():
    judge = Scripted()
    judge.gate.clear()
    shared = Shared(judge, "id")
    first = asyncio.create_task(shared.complete([question()], FOREVER))
    await asyncio.sleep(0)
    soon = Terms(deadline=asyncio.get_running_loop().time() + 0.01)
    (late,) = await shared.complete([question()], soon)
    assert late.failure is not None
    assert late.failure.kind == "timeout"
    judge.gate.set()
    assert (await first)[0].text == "judge"


async def test_what_passes_on_another_try_passes():
    judge = Scripted(faults=[fault(500), fault(429)])
    (answer,) = await Retried(judge).complete([question()], FOREVER)
    assert (answer.text, judge.calls) == ("judge", 3)


async def test_what_never_passes_is_a_failure_after_the_last_attempt():
    judge = Scripted()
    judge.always = fault()
    (answer,) = await Retried(judge, attempts=2).complete([question()], FOREVER)
    assert answer.failure is not None
    assert (answer.failure.kind, judge.calls) == ("judge_unavailable", 2)
    assert "2 attempts" in answer.failure.message


async def test_no_attempt_is_made_beyond_the_deadline():
    judge = Scripted(faults=[fault(429, after=60.0)])
    soon = Terms(deadline=asyncio.get_running_loop().time() + 0.01)
    (answer,) = await Retried(judge).complete([question()], soon)
    assert answer.failure is not None
    assert (answer.failure.kind, judge.calls) == ("timeout", 1)


async def test_a_case_stays_with_one_replica_and_cases_spread_over_all():
    judges = [Scripted(f"r{i}") for i in range(4)]
    pool = Pool([(j.name, j) for j in judges])
    for affinity in range(0, 2**63, 2**56):
        names = {(await pool.complete([question()], Terms(affinity=affinity)))[0].text for _ in range(3)}
        assert len(names) == 1
    assert all(j.calls > 30 for j in judges)


async def test_a_replica_out_of_reach_is_passed_over_at_once_and_only_its_own_cases_move():
    judges = [Scripted(f"r{i}") for i in range(3)]
    pool = Pool([(j.name, j) for j in judges])
    affinities = [k * 0x9E3779B97F4A7C15 % 2**64 for k in range(60)]

    async def homes() -> dict[int, str]:
        return {a: (await pool.complete([question()], Terms(affinity=a)))[0].text for a in affinities}

    before = await homes()
    judges[0].always = fault(None)
    after = await homes()
    assert {a for a in affinities if before[a] != after[a]} == {a for a in affinities if before[a] == "r0"}
    assert "r0" not in after.values()


async def test_an_overloaded_replica_is_not_left_alone():
    judge = Scripted(faults=[fault(429)] * 5)
    pool = Pool([("r", judge)])
    for _ in range(5):
        with pytest.raises(TransientFault):
            await pool.complete([question()], FOREVER)
    assert (await pool.complete([question()], FOREVER))[0].text == "judge"


async def test_a_judge_gone_for_long_is_not_waited_for(monkeypatch):
    judge = Scripted()
    judge.always = fault(None)
    pool = Pool([("r", judge)])
    with pytest.raises(TransientFault):
        await pool.complete([question()], FOREVER)
    monkeypatch.setattr("judge_service.backends.pool.GONE_SECONDS", 0.0)
    with pytest.raises(Gone):
        await pool.complete([question()], FOREVER)
    (answer,) = await Retried(pool).complete([question()], FOREVER)
    assert answer.failure is not None
    assert (answer.failure.kind, judge.calls) == ("judge_unavailable", 1)


async def test_no_more_calls_than_allowed_are_in_flight():
    judge = Scripted()
    judge.gate.clear()
    limited = Limited(judge, 3)
    asked = [asyncio.create_task(limited.complete([question(str(i))], FOREVER)) for i in range(10)]
    await asyncio.sleep(0)
    judge.gate.set()
    await asyncio.gather(*asked)
    assert (judge.calls, judge.most) == (10, 3)


async def test_memory_in_front_of_a_store_answers_what_was_asked_a_moment_ago():
    back = MemoryStore()
    front = Fronted(back)
    await back.put_many({b"old": b"1"})
    await front.put_many({b"new": b"2"})
    assert await front.get_many([b"old", b"none", b"new"]) == [b"1", None, b"2"]
    assert await back.get_many([b"new"]) == [b"2"]
    back._entries.clear()
    assert await front.get_many([b"old", b"new"]) == [b"1", b"2"]
