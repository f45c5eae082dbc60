"""The client over real sockets: a service that is well, busy, slow, restarted, cut off, or none at all."""

import asyncio
import pickle
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from judge_server import Asked, JudgeServer, by_worth
from programs import ended, started
from relay import Relay
from services import LIST, ONE, PAIR, served

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.integrations.client import (
    AsyncJudgeClient,
    BadRequest,
    BrokenAnswer,
    JudgeClient,
    NotFound,
    Progress,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
    patience,
    sending,
)
from judge_service.integrations.client.calls import listing


def pairs(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Pairs of which every second one is won by the second candidate; none has an id."""
    worths = [(3, 1), (1, 3)]
    return [
        {
            "prompt": f"Task {i}",
            "candidates": [f"{i} {side} (worth {w})" for side, w in zip("xy", worths[i % 2], strict=True)],
        }
        for i in range(start, start + count)
    ]


WINNERS = ("a", "b")


def winners(judgments: Any) -> list[str | None]:
    return [judgment.verdict.winner if judgment.verdict else None for judgment in judgments]


@asynccontextmanager
async def asking(server: JudgeServer | None, told: Any = None, **setup: Any) -> AsyncIterator[AsyncJudgeClient]:
    """A client of a service around a judge server."""
    async with served(server, **(told or {})) as url, AsyncJudgeClient(url, **setup) as client:
        yield client


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


# A service that is well


async def test_one_case_is_judged_and_typed(server: JudgeServer) -> None:
    async with asking(server) as client:
        metadata = {"line": "a\u2028b", "n": 1}
        pair = await client.compare(PAIR["prompt"], PAIR["candidates"], id="one", metadata=metadata, orders="one")
        card = await client.score(ONE["prompt"], ONE["response"])
        several = await client.score(LIST["prompt"], LIST["candidates"])
        ranking = await client.rank(LIST["prompt"], LIST["candidates"], strategy="round-robin")
    assert (pair.case_id, pair.verdict.winner, pair.metadata) == ("one", "a", metadata)
    assert (pair.verdict.consistent, len(pair.votes), pair.provenance.rubric.id) == (None, 1, "helpfulness")
    assert card.verdict.score == pytest.approx(4.0, abs=0.2)
    assert set(several.verdict.scores) == {"a", "b", "c"}
    assert ranking.verdict.ranking == ("b", "a", "c")


async def test_a_list_is_judged_in_its_order_with_few_requests(server: JudgeServer) -> None:
    told: list[Progress] = []
    async with asking(server, per_request=16, concurrency=2) as client:
        judgments = await client.judge("compare", pairs(50), progress=told.append)
    assert winners(judgments) == [WINNERS[i % 2] for i in range(50)]
    assert [p.done for p in told] == list(range(1, 51))
    assert (told[-1].judged, told[-1].in_flight, told[-1].judge_calls, told[-1].total) == (50, 0, 100, 50)


async def test_bad_cases_are_unscored_at_their_places_and_texts_may_hold_any_end_of_line(server: JudgeServer) -> None:
    cases: list[Any] = pairs(9)
    for case in cases:
        case["metadata"] = {"of": case["prompt"], "text": "a\u2028b\u2029c\u0085d\u001e"}
    cases[3] = {"prompt": "p", "candidates": ["only one"]}
    cases[4] = "no case"
    cases[5] = {"id": "mine", "prompt": "p", "candidates": ["a", "b"], "metadata": {1, 2}}
    cases[7] = {"prompt": "\ud800", "candidates": ["a", "b"]}
    async with asking(server, per_request=4) as client:
        judgments = await client.judge("compare", cases)
    bad = {place: j for place, j in enumerate(judgments) if j.status != "judged"}
    assert {place: (j.failure.kind, j.failure.param) for place, j in bad.items()} == {
        3: ("invalid", "cases[3].candidates"),
        4: ("invalid", "cases[4]"),
        5: ("invalid", "cases[5]"),
        7: ("invalid", "cases[7].prompt"),
    }
    assert "cases[7].prompt" in bad[7].failure.message
    assert bad[5].case_id == "mine"
    assert all(j.metadata["of"] == f"Task {place}" for place, j in enumerate(judgments) if place not in bad)


async def test_the_same_row_twice_has_its_judgment_at_both_places(server: JudgeServer) -> None:
    cases = [*pairs(3), *pairs(3)]
    async with asking(server) as client:
        judgments = await client.judge("compare", cases)
    assert winners(judgments) == ["a", "b", "a", "a", "b", "a"]
    assert server.calls == 6


async def test_an_empty_list_has_no_judgments_and_asks_nobody() -> None:
    async with AsyncJudgeClient("http://127.0.0.1:9") as client:
        assert await client.judge("compare", []) == []


async def test_judgments_come_as_they_are_ready_and_an_endless_list_is_read_no_further_than_needed(
    server: JudgeServer,
) -> None:
    read = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal read
        while True:
            read += 1
            yield pairs(1, read)[0]

    async with asking(server, per_request=3, concurrency=2) as client:
        places = []
        stream = client.stream("compare", endless())
        async for place, judgment in stream:
            assert judgment.verdict.winner == WINNERS[(place + 1) % 2]
            places.append(place)
            if len(places) == 20:
                break
        await stream.aclose()
    assert len(set(places)) == 20
    assert read <= 20 + 6


async def test_a_slow_case_holds_up_no_other(server: JudgeServer) -> None:
    held = asyncio.Event()

    def rule(asked: Asked) -> Any:
        answer = by_worth(asked)
        return type(answer)(answer.body, waits=held) if "Task 0" in str(asked["messages"]) else answer

    server.rule = rule
    async with asking(server) as client:
        came = []
        async for place, _ in client.stream("compare", pairs(4)):
            came.append(place)
            if len(came) == 3:
                held.set()
    assert came[-1] == 0


async def test_the_catalogue_is_told(server: JudgeServer) -> None:
    async with asking(server) as client:
        assert await client.health() == {"status": "ok"}
        assert "helpfulness" in [rubric["id"] for rubric in await client.rubrics()]
        assert [judge["id"] for judge in await client.judges()] == ["default"]
        assert (await client.judge_card("default"))["model"] == "m"
        with pytest.raises(NotFound):
            await client.judge_card("no/such judge")


async def test_the_thin_calls_reach_the_drop_in_endpoints(server: JudgeServer) -> None:
    responses = ["7 (worth 3)", "8 (worth 1)"]
    async with asking(server) as client:
        ranked = await client.rerank("Name a prime number.", ["8 (worth 1)", "7 (worth 3)"], rubric="honesty")
        rewards = await client.rewards("Name a prime number.", responses)
        by_itself = await client.rewards("Name a prime number.", responses, reward="pointwise")
        with pytest.raises(BadRequest) as told:
            await client.rewards("p", responses, nope=1)
    async with asking(None) as client:
        questions = {"long": {"type": "noul", "instructions": "Is it long?"}}
        answers = await client.decide("A short text.", questions, instructions="Read it.")
    assert [place.index for place in ranked] == [1, 0]
    assert rewards[0] > 0.5 > rewards[1]
    assert by_itself[0] > by_itself[1]
    assert told.value.param == "nope"
    assert set(answers) == {"long"}
    assert answers["long"]["type"] == "noul"


@pytest.mark.parametrize(
    ("wrong", "kind", "param"), [({"nope": 1}, BadRequest, "nope"), ({"rubric": "x"}, NotFound, "rubric")]
)
async def test_wrong_options_fail_the_whole_list_and_one_case_alike(
    server: JudgeServer, wrong: dict[str, Any], kind: Any, param: str
) -> None:
    async with asking(server) as client:
        for asked in (client.judge("compare", pairs(2), **wrong), client.compare("p", ["a", "b"], **wrong)):
            with pytest.raises(kind) as told:
                await asked
            assert told.value.param == param
            assert told.value.request_id.startswith("req_")


async def test_requests_larger_than_the_service_takes_are_halved_until_they_fit(server: JudgeServer) -> None:
    limits = {"more": {"server": {"max_cases": 5, "max_body_bytes": 4096}}}
    cases = [*pairs(12), {"prompt": "x" * 5000, "candidates": ["a", "b"]}]
    async with asking(server, limits) as client:
        judgments = await client.judge("compare", cases)
    assert winners(judgments[:12]) == [WINNERS[i % 2] for i in range(12)]
    assert judgments[12].failure.kind == "invalid"
    assert "larger than 4,096 bytes" in judgments[12].failure.message


# Keys


async def test_a_key_is_sent_and_a_wrong_one_is_told(server: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(server, more={"api_keys": "right"}) as url:
        async with AsyncJudgeClient(url, "right") as client:
            assert winners(await client.judge("compare", pairs(1))) == ["a"]
        async with AsyncJudgeClient(url) as client:
            with pytest.raises(Unauthorized, match="an API key is needed"):
                await client.judge("compare", pairs(1))
        monkeypatch.setenv("JUDGE_API_KEY", "wrong")
        monkeypatch.setenv("JUDGE_SERVER_URL", url + "/v1")
        async with AsyncJudgeClient() as client:
            with pytest.raises(Unauthorized, match="the API key is wrong"):
                await client.compare(**PAIR)


# A service that is not well


async def test_an_answer_that_breaks_off_is_asked_again_for_the_missing_cases_only(server: JudgeServer) -> None:
    async with served(server) as url, Relay(url) as relay, AsyncJudgeClient(relay.url) as client:
        # Each judgment is some 1,400 bytes long: the first attempts break in a head, in a line, and between lines.
        relay.cuts = [0, 40, 5_000, 20_000]
        judgments = await client.judge("compare", pairs(30), cache="bypass")
        assert winners(judgments) == [WINNERS[i % 2] for i in range(30)]
        assert relay.opened == 5
    asked = "".join(server.prompts())
    times = [len(re.findall(rf"\b{i} x \(worth", asked)) for i in range(30)]
    assert min(times) < 2 * 5, "a case whose judgment had come was asked again"


async def test_one_case_survives_broken_answers_too(server: JudgeServer) -> None:
    async with served(server) as url, Relay(url) as relay, AsyncJudgeClient(relay.url) as client:
        relay.cuts = [0, 700]
        assert (await client.compare(**PAIR)).verdict.winner == "a"
        relay.cuts = []
        assert relay.opened == 3


async def test_a_service_that_is_killed_and_started_again_loses_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_WAIT", 0.5)
    where = ["--port", str(free_port()), "--model", "emulator"]
    async with Emulator(Behaviour(latency_ms="80")) as emulator:
        serve = ("serve", *where, "--judge-url", emulator.url)
        first = await started(*serve)
        assert first.stderr is not None
        await first.stderr.readline()
        cases = [{"prompt": f"Task {i}", "candidates": [f"{i} (worth 3)", f"{i} (worth 1)"]} for i in range(60)]
        address = f"http://127.0.0.1:{where[1]}"
        second = None
        async with AsyncJudgeClient(address, per_request=6, concurrency=2, retries=30) as client:
            found: dict[int, Any] = {}
            async for place, judgment in client.stream("compare", cases):
                found[place] = judgment
                if len(found) == 9:
                    first.send_signal(signal.SIGKILL)
                    await ended(first)
                    second = await started(*serve)
        assert second is not None
        second.terminate()
        await ended(second)
    assert winners(found[place] for place in range(60)) == ["a"] * 60


async def test_callers_that_are_turned_away_all_get_their_turn(server: JudgeServer) -> None:
    limits = {"more": {"server": {"cases_in_flight": 1, "cases_waiting": 1}}}
    async with asking(server, limits, per_request=1, concurrency=6, retries=20) as client:
        judgments = await client.judge("compare", pairs(6))
    assert winners(judgments) == [WINNERS[i % 2] for i in range(6)]


async def test_a_queue_that_stays_full_is_told_once_patience_is_at_an_end(server: JudgeServer) -> None:
    held = asyncio.Event()
    server.rule = lambda asked: type(by_worth(asked))(by_worth(asked).body, waits=held)
    limits = {"more": {"server": {"cases_in_flight": 1, "cases_waiting": 1}}}
    async with asking(server, limits, retries=0) as client:
        busy = asyncio.create_task(client.judge("compare", pairs(3)))
        await server.asked_for(1)
        with pytest.raises(TooManyRequests) as told:
            await client.compare(**PAIR)
        assert (told.value.code, told.value.retry_after) == ("queue_full", 1.0)
        (turned_away,) = await client.judge("compare", pairs(1, 7))
        assert (turned_away.status, turned_away.failure.kind) == ("unscored", "judge_unavailable")
        assert "queue is full" in turned_away.failure.message
        held.set()
        assert winners(await busy) == ["a", "b", "a"]


async def test_a_judge_that_is_too_slow_costs_its_own_cases_only(server: JudgeServer) -> None:
    held = asyncio.Event()

    def rule(asked: Asked) -> Any:
        answer = by_worth(asked)
        return type(answer)(answer.body, waits=held) if "Task 1" in str(asked["messages"]) else answer

    server.rule = rule
    async with asking(server, timeout=1.0) as client:
        judgments = await client.judge("compare", pairs(3))
        assert winners(judgments) == ["a", None, "a"]
        assert judgments[1].failure.kind == "timeout"
        with pytest.raises(TimedOut) as told:
            await client.compare(**pairs(1, 1)[0], timeout=0.2)
        assert told.value.code == "timeout"
        held.set()


async def test_a_service_that_takes_a_request_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "GRACE", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        async with AsyncJudgeClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2) as client:
            with pytest.raises(TimedOut):
                await client.compare(**PAIR)
            judgments = await client.judge("compare", pairs(2))
    assert [j.failure.kind for j in judgments] == ["timeout", "timeout"]


async def test_nobody_there_is_told_after_some_tries() -> None:
    async with AsyncJudgeClient(f"http://127.0.0.1:{free_port()}", retries=1) as client:
        with pytest.raises(Unreachable, match="does not answer"):
            await client.health()
        judgments = await client.judge("compare", pairs(2))
        assert [j.failure.kind for j in judgments] == ["judge_unavailable"] * 2


async def test_what_is_no_judge_service_is_told(server: JudgeServer) -> None:
    # The judge itself in the place of the service: it knows other paths, and answers in another shape.
    async with AsyncJudgeClient(server.url, retries=0) as client:
        with pytest.raises(NotFound):
            await client.compare(**PAIR)
    async with served(server) as url, AsyncJudgeClient(url, retries=0) as client:
        with pytest.raises(BrokenAnswer):
            await client.sender.called(listing("/health"))


async def test_a_judge_that_is_down_is_an_error_for_one_case_and_told_in_each_of_a_list(server: JudgeServer) -> None:
    async with asking(server, timeout=60.0) as client:
        await server.stop()
        with pytest.raises((Unavailable, TimedOut)):
            await client.compare(**PAIR, timeout=1.5)
        judgments = await client.judge("compare", pairs(2), timeout=1.5)
        assert {j.failure.kind for j in judgments} <= {"judge_unavailable", "timeout"}


# Callers that go


async def test_a_caller_that_goes_ends_the_work(server: JudgeServer) -> None:
    held = asyncio.Event()
    server.rule = lambda asked: type(by_worth(asked))(by_worth(asked).body, waits=held)
    limits = {"more": {"server": {"cases_in_flight": 2}}}
    async with asking(server, limits) as client:
        judging = asyncio.create_task(client.judge("compare", pairs(40)))
        await server.asked_for(4)
        judging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await judging
        held.set()
        assert (await client.compare(**PAIR)).verdict.winner == "a"
        # Two cases were under way, and the one asked for after; the service dropped the other thirty-eight.
        assert server.calls <= 2 * 3 + 2


# Loops, threads and processes


async def test_a_client_serves_several_loops_one_after_the_other(server: JudgeServer) -> None:
    async with served(server) as url:
        client = AsyncJudgeClient(url)

        async def once(number: int) -> str:
            async with client:
                return str((await client.compare(**pairs(1, number)[0])).verdict.winner)

        found = [await asyncio.to_thread(asyncio.run, once(number)) for number in range(3)]
    assert found == ["a", "b", "a"]


async def test_threads_share_a_client_and_a_copy_of_it_works(server: JudgeServer) -> None:
    async with served(server) as url:
        with JudgeClient(url, per_request=4) as client:
            copy = pickle.loads(pickle.dumps(client))
            lists = await asyncio.gather(*(asyncio.to_thread(client.judge, "compare", pairs(10)) for _ in range(6)))
            assert (await asyncio.to_thread(copy.compare, **PAIR)).verdict.winner == "a"
            await asyncio.to_thread(copy.close)
            await asyncio.to_thread(client.close)
            again = await asyncio.to_thread(client.rank, **LIST, strategy="round-robin")
            assert again.verdict.ranking[0] == "b"
            await asyncio.to_thread(client.close)
    assert [winners(judgments) for judgments in lists] == [[WINNERS[i % 2] for i in range(10)]] * 6


async def test_a_synchronous_stream_that_is_left_ends_its_requests(server: JudgeServer) -> None:
    read = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal read
        while True:
            read += 1
            yield pairs(1, read)[0]

    def first(client: JudgeClient, most: int) -> list[int]:
        places = []
        for place, _ in client.stream("compare", endless()):
            places.append(place)
            if len(places) == most:
                break
        return places

    async with served(server) as url:
        with JudgeClient(url, per_request=2, concurrency=3) as client:
            assert len(set(await asyncio.to_thread(first, client, 9))) == 9
            await asyncio.to_thread(client.close)
    assert read <= 9 + 6


IN_JUPYTER_AND_AFTER_A_FORK = """
import asyncio, os, sys, warnings
from judge_service.integrations.client import JudgeClient
warnings.simplefilter("ignore", DeprecationWarning)
client = JudgeClient(sys.argv[1])
def winner():
    return client.compare("p", ["one (worth 3)", "other (worth 1)"], cache="bypass").verdict.winner
async def cell():
    return winner()
assert asyncio.run(cell()) == "a"
for _ in range(2):
    child = os.fork()
    if child == 0:
        os._exit(0 if winner() == "a" else 1)
    assert winner() == "a"
    assert os.waitpid(child, 0)[1] == 0
client.close()
print("well")
"""

WITHOUT_THE_SERVERS_LIBRARIES = """
import sys
from importlib.abc import MetaPathFinder
class Blocked(MetaPathFinder):
    allowed = {"judge_service", "httpx", "httpcore", "h11", "anyio", "sniffio", "idna", "certifi", "typing_extensions"}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in self.allowed and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocked())
from judge_service.integrations.anchors import Anchors
from judge_service.integrations.client import JudgeClient
from judge_service.integrations.watching import Watch
with JudgeClient(sys.argv[1]) as client:
    cases = [{"prompt": "p", "candidates": ["one (worth 3)", "other (worth 1)"], "metadata": {"better": "a"}}]
    judgments = client.judge("compare", cases)
    watched = Watch().step(judgments) | Anchors(client, cases, every=1).asked_now(0)
assert judgments[0].verdict.winner == "a"
assert watched.figures["judge/anchor_accuracy"] == 1.0, watched
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"fastapi", "pydantic", "numpy", "orjson", "aiohttp", "openai", "redis", "uvicorn", "tenacity"}
print("well")
"""


@pytest.mark.parametrize("script", [IN_JUPYTER_AND_AFTER_A_FORK, WITHOUT_THE_SERVERS_LIBRARIES])
async def test_in_processes_of_their_own(server: JudgeServer, script: str) -> None:
    async with served(server) as url:
        assert await python(script, url) == "well"


async def python(script: str, *argv: str) -> str:
    """What a script prints, run in a process of its own; what it says of errors, if it fails."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, *argv, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    return (out if process.returncode == 0 else err).decode().strip()
