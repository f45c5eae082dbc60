"""The work on a batch, step by step on papers in memory: crashes at bad moments, late judges, files that vanish."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from batched import content_of, names, names_of, request

from judge_service.backends.papers import OUTPUT, Facts, NotHeld
from judge_service.backends.sqlite_papers import SqlitePapers
from judge_service.errors import StoreDown
from judge_service.jobs.batches import cancel, make
from judge_service.jobs.files import PART_BYTES, FileWriter, lines_of, parts_of
from judge_service.jobs.hold import Hold
from judge_service.jobs.judging import Answer, Answered, Pace
from judge_service.jobs.life import status_of, wish_from
from judge_service.jobs.office import Office, new_name
from judge_service.jobs.sweeping import Sweeper
from judge_service.jobs.work import BatchWork, Worker
from judge_service.sections import JobSettings

ME = "me"


class Torn(SqlitePapers):
    """Papers that fail when they are told to."""

    def __init__(self) -> None:
        super().__init__(None)
        self.breaks: Callable[[str, Any], bool] = lambda what, told: False
        self.error: Exception = StoreDown("planted")

    async def settle(self, name: str, facts: Facts, holder: str = "") -> None:
        self._break("settle", facts)
        await super().settle(name, facts, holder)

    async def put(self, name: str, parts: Any, holder: str = "") -> None:
        self._break("put", parts)
        await super().put(name, parts, holder)

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        self._break("lease", name)
        return await super().lease(name, holder, seconds)

    async def finish(self, name: str, holder: str) -> None:
        self._break("finish", name)
        await super().finish(name, holder)

    def _break(self, what: str, told: Any) -> None:
        if self.breaks(what, told):
            raise self.error


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    papers = Torn()
    yield Office(papers, JobSettings(lease_seconds=60))
    await papers.aclose()


async def kept(office: Office, lines: list[Any], **told: Any) -> str:
    """A file of lines."""
    name, created = new_name("file"), office.now()
    expires = office.expiry(created)
    facts = {"tenant": "t", "filename": "f", "purpose": "batch", "created_at": created, "expires_at": expires, **told}
    await office.papers.add("file", name, facts)
    writer = FileWriter(office.papers, name)
    await writer.write(content_of(lines))
    await writer.end()
    return name


async def batch_of(office: Office, lines: list[Any], window: str = "24h") -> str:
    """A new batch of these lines."""
    asked = {"input_file_id": await kept(office, lines), "endpoint": "/v1/compare", "completion_window": window}
    return str((await make(office, wish_from(asked), "t"))["id"])


async def worked(office: Office, name: str, answer: Answer, holder: str = ME) -> Facts:
    """What stands on a batch after one process has worked on it."""
    assert await office.papers.lease(name, holder, 60)
    hold = Hold(office.papers, name, holder, 60, await facts_of(office, name))
    try:
        await BatchWork(hold, office, answer, Pace(4, 5.0)).go_on()
    finally:
        await office.papers.release(name, holder)
    return await facts_of(office, name)


async def facts_of(office: Office, name: str) -> Facts:
    (facts,) = await office.papers.facts([name])
    assert facts is not None
    return facts


async def content(office: Office, facts: Facts, which: str) -> bytes:
    name = facts[f"{which}_file_id"]
    return b"".join([part async for part in parts_of(office.papers, name, await facts_of(office, name))])


async def told(office: Office, facts: Facts, which: str = "output") -> list[Any]:
    return [orjson.loads(line) for line in (await content(office, facts, which)).splitlines()]


class Answers:
    """Answers with the body's own prompt, or as a test says; counts."""

    def __init__(self, *first: Answered) -> None:
        self.first = list(first)
        self.asked: list[str] = []

    async def __call__(self, task: str, body: bytes, tenant: str) -> Answered:
        prompt = orjson.loads(body)["prompt"]
        self.asked.append(prompt)
        await asyncio.sleep(0)
        return self.first.pop(0) if self.first else Answered(200, {"of": prompt, "tenant": tenant, "task": task})


async def test_answers_stand_in_the_order_of_their_lines_and_are_the_owners(office: Office) -> None:
    name = await batch_of(office, [request(n) for n in range(50)])
    facts = await worked(office, name, Answers())
    lines = await told(office, facts)
    assert names_of(lines) == names(range(50))
    assert lines[7]["response"]["body"] == {"of": "Task 7 ", "tenant": "t", "task": "compare"}
    assert await office.papers.unfinished() == []
    assert await office.papers.counts(name) == {}


CRASHES: dict[str, Callable[[str, Any], bool]] = {
    "before the first answer was kept": lambda what, told: what == "put" and any(tray == OUTPUT for tray, _ in told),
    "before it was said that all are judged": lambda what, told: what == "settle" and "finalizing_at" in told,
    "before the output was whole": lambda what, told: what == "settle" and "bytes" in told,
    "before it was said how it ended": lambda what, told: what == "settle" and "completed_at" in told,
    "before its answers were laid away": lambda what, _: what == "finish",
}


@pytest.mark.parametrize("moment", list(CRASHES))
async def test_whenever_a_process_dies_the_next_brings_the_same_output(office: Office, moment: str) -> None:
    whole = await worked(office, await batch_of(office, [request(n) for n in range(20)]), Answers())
    papers = office.papers
    assert isinstance(papers, Torn)
    name = await batch_of(office, [request(n) for n in range(20)])
    papers.breaks, papers.error = CRASHES[moment], ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await worked(office, name, Answers(), "dead")
    papers.breaks = lambda what, told: False
    assert await papers.unfinished() == [name]
    facts = await worked(office, name, again := Answers(), "next")
    assert (status_of(facts), facts["counts"]) == ("completed", whole["counts"])
    assert [line["response"]["body"] for line in await told(office, facts)] == [
        line["response"]["body"] for line in await told(office, whole)
    ]
    assert len(again.asked) == (20 if "first" in moment else 0)
    assert await papers.unfinished() == []
    assert await papers.counts(name) == {}


async def test_who_has_lost_a_batch_writes_nothing_more_on_it(office: Office) -> None:
    name = await batch_of(office, [request(n) for n in range(20)])

    async def usurped(task: str, body: bytes, tenant: str) -> Answered:
        await office.papers.release(name, ME)
        assert await office.papers.lease(name, "another", 60)
        return Answered(200, {"by": "the old one"})

    with pytest.raises(NotHeld):
        await worked(office, name, usurped)
    assert await office.papers.counts(name) == {}
    facts = await worked(office, name, Answers(), "another")
    assert len(await told(office, facts)) == 20


async def test_a_judge_that_is_down_is_waited_for_and_one_that_was_late_is_asked_again(office: Office) -> None:
    answers = Answers(Answered(503, {}), Answered(504, {}))
    facts = await worked(office, await batch_of(office, [request(0)]), answers)
    assert len(answers.asked) == 3
    assert [line["response"]["status_code"] for line in await told(office, facts)] == [200]


async def test_a_judge_that_is_always_late_is_told(office: Office) -> None:
    late = Answered(504, {"error": {"message": "late"}})
    facts = await worked(office, await batch_of(office, [request(0)]), answers := Answers(*[late] * 9))
    assert len(answers.asked) == 3
    (line,) = await told(office, facts, "error")
    assert (line["response"]["status_code"], line["response"]["body"]) == (504, late.body)
    assert facts["counts"] == {"total": 1, "completed": 0, "failed": 1}


async def test_an_input_that_is_gone_fails_the_batch_and_what_was_judged_is_kept(office: Office) -> None:
    name = await batch_of(office, [request(n) for n in range(3)])
    facts = await facts_of(office, name)
    assert await office.papers.lease(name, "dead", 60)
    await office.papers.settle(name, {"total": 3, "in_progress_at": 1}, "dead")
    await office.papers.put(name, {(OUTPUT, 2): b'{"custom_id":"line-1"}\n'}, "dead")
    await office.papers.release(name, "dead")
    await office.papers.remove(facts["input_file_id"])
    facts = await worked(office, name, Answers())
    assert status_of(facts) == "failed"
    assert [error["code"] for error in facts["errors"]] == ["input_file_missing"]
    assert names_of(await told(office, facts)) == ["line-1"]


async def test_a_batch_cancelled_before_anybody_took_it_up_is_judged_by_nobody(office: Office) -> None:
    name = await batch_of(office, [request(n) for n in range(3)])
    assert await cancel(office, name, "t") is not None
    facts = await worked(office, name, answers := Answers())
    assert (status_of(facts), answers.asked) == ("cancelled", [])
    assert names_of(await told(office, facts, "error")) == names(range(3))
    assert await cancel(office, name, "t") is None


async def test_what_was_decided_first_stands(office: Office) -> None:
    name = await batch_of(office, [request(0)])
    await office.papers.settle(name, {"ending": "completed", "finalizing_at": 1})
    assert await cancel(office, name, "t") is None
    assert status_of(await facts_of(office, name)) == "finalizing"


async def test_an_office_that_ends_leaves_its_batches_to_the_next(office: Office) -> None:
    name = await batch_of(office, [request(n) for n in range(30)])

    async def ending(task: str, body: bytes, tenant: str) -> Answered:
        office.end()
        return Answered(200, {})

    worker = Worker(office, ending, Pace(4, 5.0))
    work = asyncio.create_task(worker.run())
    await office.ending.wait()
    await work
    assert await office.papers.unfinished() == [name]
    counts = await office.papers.counts(name)
    assert 0 < counts[OUTPUT] <= 4
    assert await office.papers.lease(name, "the next", 60), "it was given back"


async def test_a_worker_outlives_a_store_that_fails_and_a_batch_that_breaks(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    papers = office.papers
    assert isinstance(papers, Torn)
    errors = iter([StoreDown("planted"), RuntimeError("a fault of ours")])

    def breaks(what: str, _: Any) -> bool:
        error = next(errors, None) if what == "settle" else None
        papers.error = error or papers.error
        return error is not None

    name = await batch_of(office, [request(n) for n in range(3)])
    papers.breaks = breaks
    work = asyncio.create_task(Worker(office, Answers(), Pace(4, 5.0)).run())
    async with asyncio.timeout(60):
        while status_of(await facts_of(office, name)) != "completed":
            await asyncio.sleep(0.02)
    office.end()
    await work
    assert f"{name} waits: planted" in caplog.text
    assert f"the work on {name} failed" in caplog.text


async def test_a_store_that_fails_for_a_moment_costs_no_answer(office: Office) -> None:
    papers = office.papers
    assert isinstance(papers, Torn)
    name = await batch_of(office, [request(n) for n in range(40)])
    moments = iter(range(100))
    kinds: set[str] = set()

    def breaks(what: str, told: Any) -> bool:
        fails = 0 < len(asked) < 40 and what in ("put", "lease") and next(moments) % 2 == 1
        kinds.update([what] if fails else [])
        return fails

    async def slow(task: str, body: bytes, tenant: str) -> Answered:
        asked.append(orjson.loads(body)["prompt"])
        await asyncio.sleep(0.3)
        return Answered(200, {})

    asked = list[str]()
    papers.breaks = breaks
    facts = await worked(office, name, slow)
    assert kinds == {"put", "lease"}
    assert len(asked) == len(set(asked)) == facts["counts"]["completed"] == 40


async def test_what_has_outlived_its_time_is_swept_away_and_nothing_that_is_needed(office: Office) -> None:
    past = int(time.time()) - 10
    needed, old = await kept(office, [request(0)], expires_at=past), await kept(office, [request(0)], expires_at=past)
    young, torn = await kept(office, [request(0)]), new_name("file")
    await office.papers.add("file", torn, {"tenant": "t", "created_at": past - 90_000, "expires_at": past + 10**6})
    being_sent = new_name("file")
    await office.papers.add("file", being_sent, {"tenant": "t", "created_at": past, "expires_at": past + 10**6})
    common = {"tenant": "t", "endpoint": "/v1/compare", "completion_window": "24h", "metadata": None, "keep": None}
    long_ago = {**common, "created_at": past - 31 * 86_400, "expires_at": past}
    reading, over = new_name("batch"), new_name("batch")
    await office.papers.add("batch", reading, {**long_ago, "input_file_id": needed}, is_open=True)
    await office.papers.add("batch", over, {**long_ago, "input_file_id": old, "completed_at": past})
    await Sweeper(office).sweep_when_due()
    assert set(await office.papers.names("file")) == {needed, young, being_sent}
    assert await office.papers.names("batch") == [reading]


async def test_a_file_of_many_parts_comes_back_line_by_line(office: Office) -> None:
    lines = [request(n, prompt="x" * 40_000) for n in range(40)] + [request(99, prompt="x" * 2 * PART_BYTES)]
    name = await kept(office, lines)
    facts = await facts_of(office, name)
    assert facts["parts"] == -(-facts["bytes"] // PART_BYTES) > 3
    found = [(number, orjson.loads(line)) async for number, line in lines_of(office.papers, name, facts)]
    assert found == list(enumerate(lines, 1))


async def test_errors_and_answers_lie_apart_and_each_line_in_one_of_them(office: Office) -> None:
    answers = Answers(*[Answered(400 if n % 3 == 0 else 200, {"n": n}) for n in range(12)])
    facts = await worked(office, await batch_of(office, [request(n) for n in range(12)]), answers)
    assert facts["counts"] == {"total": 12, "completed": 8, "failed": 4}
    good, bad = await told(office, facts), await told(office, facts, "error")
    assert sorted(names_of(good) + names_of(bad)) == sorted(names(range(12)))
    assert {line["response"]["status_code"] for line in bad} == {400}
