"""Two lanes to the same places: whoever does not give way goes first, and nobody is forgotten."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from judge_service.backends.base import Terms
from judge_service.backends.lanes import Lanes
from judge_service.backends.limited import Limited
from judge_service.domain.answers import Choice
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span

MOST, YIELDED = 3, 2


class Crowd:
    """Callers of one pair of lanes; each holds its place until it is told to go."""

    def __init__(self) -> None:
        self.lanes = Lanes(MOST, YIELDED)
        self.tasks: list[tuple[bool, asyncio.Task[None], asyncio.Event]] = []
        self.inside: list[bool] = []

    def come(self, gives_way: bool) -> None:
        go = asyncio.Event()
        self.tasks.append((gives_way, asyncio.create_task(self._stay(gives_way, go)), go))

    async def _stay(self, gives_way: bool, go: asyncio.Event) -> None:
        await self.lanes.acquire(gives_way)
        self.inside.append(gives_way)
        try:
            await go.wait()
        finally:
            self.inside.remove(gives_way)
            self.lanes.release(gives_way)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


STEPS = st.lists(st.tuples(st.sampled_from(["online", "batch", "go", "cancel"]), st.integers(0, 20)), max_size=40)


@given(STEPS)
def test_places_are_never_overfull_never_wasted_and_everybody_comes_in(steps):
    asyncio.run(walked(steps))


async def walked(steps):
    crowd = Crowd()
    for what, which in steps:
        if what in ("online", "batch"):
            crowd.come(gives_way=what == "batch")
        elif crowd.tasks:
            _, task, go = crowd.tasks[which % len(crowd.tasks)]
            go.set() if what == "go" else task.cancel()
        await settled()
        waiting = [gives_way for gives_way, task, go in crowd.tasks if not task.done()]
        for gives_way in crowd.inside:
            waiting.remove(gives_way)
        batches = sum(crowd.inside)
        assert len(crowd.inside) <= MOST
        assert batches <= YIELDED
        assert crowd.lanes.waiting == waiting.count(False)
        if len(crowd.inside) < MOST:
            assert False not in waiting, "a place is free, and somebody waits who does not give way"
            assert batches == YIELDED or True not in waiting, "a place is free that nobody else wants"
    for _, _, go in crowd.tasks:
        go.set()
    ended = await asyncio.gather(*(task for _, task, _ in crowd.tasks), return_exceptions=True)
    assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ended)
    assert crowd.inside == []


async def test_a_place_that_comes_free_goes_to_a_waiting_caller_before_any_batch():
    lanes, came = Lanes(1), []

    async def pass_through(name: str, gives_way: bool) -> None:
        await lanes.acquire(gives_way)
        came.append(name)
        lanes.release(gives_way)

    await lanes.acquire(gives_way=True)
    told = [("batch 1", True), ("online 1", False), ("batch 2", True), ("online 2", False)]
    tasks = [asyncio.create_task(pass_through(*one)) for one in told]
    await settled()
    assert (came, lanes.waiting) == ([], 2)
    lanes.release(gives_way=True)
    await asyncio.gather(*tasks)
    assert came == ["online 1", "online 2", "batch 1", "batch 2"]


async def test_a_batchs_calls_of_a_judge_stand_behind_everybody_elses():
    asked = []

    class Judge:
        async def complete(self, prompts, terms):
            asked.append(terms.priority)
            await asyncio.sleep(0)
            return [Completion("A") for _ in prompts]

        async def aclose(self):
            pass

    limited = Limited(Judge(), 1)
    prompt = JudgePrompt("j", (), (Span("Which?"),), Choice(("A", "B")), Sampling())
    ways = ["online", "batch", "batch", "online"]
    await asyncio.gather(*(limited.complete([prompt], Terms(priority=way)) for way in ways))
    assert asked == ["online", "online", "batch", "batch"]
