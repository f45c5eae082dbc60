"""Callers who send one response at a time are ranked among the others of their prompt, whichever server they ask."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from judge_server import error
from programs import serving
from redis_server import RedisServer
from rl_callers import OpenRlhf, slime
from services import served

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

WORTHS = (1.5, 7.25, 3.0, 4.5, 2.75, 6.0, 5.5, 0.25)


def responses(number: int, size: int = 8) -> list[str]:
    return [f"{number} is my answer, {place} times over (worth {WORTHS[place]})" for place in range(size)]


def prompt_of(number: int) -> str:
    return f"Task {number}: name a number."


@pytest.fixture
def redis(tmp_path: Path) -> Any:
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


@asynccontextmanager
async def emulator(**settings: Any) -> AsyncIterator[Emulator]:
    async with Emulator(Behaviour().changed(settings)) as running:
        yield running


@asynccontextmanager
async def two_servers(judge: Any, redis: RedisServer, **more: Any) -> AsyncIterator[tuple[str, str]]:
    told = {"cache": redis.url, **more}
    async with served(judge, **told) as one, served(judge, **told) as two:
        yield one, two


async def directly(address: str, number: int, members: Sequence[str]) -> dict[str, float]:
    """The scores that /v1/rank gives the same members, in an order of its own, past the cache."""
    listed = sorted(members, key=lambda member: member[::-1])
    body = {
        "prompt": [{"role": "user", "content": prompt_of(number)}],
        "candidates": listed,
        "cache": "bypass",
    }
    async with httpx.AsyncClient(timeout=60) as client:
        told = (await client.post(f"{address}/v1/rank", json=body)).json()
    return dict(zip(listed, [told["verdict"]["scores"][name] for name in told["candidates"]], strict=True))


async def asked(address: str, number: int, response: str, query: str) -> httpx.Response:
    """One response's request, as slime sends it, with its answer whole."""
    body = {"prompt": [{"role": "user", "content": prompt_of(number)}], "response": response, "label": None}
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{address}/reward{query}", json=body)


async def metrics(address: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{address}/metrics")).text


async def test_fifty_groups_at_two_servers_are_ranked_as_a_direct_rank_would_though_one_lost_a_member(
    redis: RedisServer,
) -> None:
    async with emulator() as judge, two_servers(judge, redis) as both:
        groups = {number: responses(number, 7 if number == 17 else 8) for number in range(50)}
        worker = OpenRlhf(both, "?group=8&wait=8&run=r1")
        flat = [(number, response) for number, members in groups.items() for response in members]
        told = await asyncio.gather(
            *(worker.reward(prompt_of(number), response, first=i) for i, (number, response) in enumerate(flat))
        )
        rewards = {key: answer["rewards"][0] for key, answer in zip(flat, told, strict=True) if answer}
        assert rewards.keys() == set(flat), "everybody is answered"
        for number, members in groups.items():
            expected = await directly(both[0], number, members)
            assert {m: rewards[number, m] for m in members} == pytest.approx(expected, abs=1e-12)
    complete = [answer["extra_logs"]["judge_cohort_complete"][0] for answer in told if answer]
    sizes = [answer["extra_logs"]["judge_cohort_size"][0] for answer in told if answer]
    assert (complete.count(1.0), complete.count(0.0)) == (49 * 8, 7)
    assert (sizes.count(8.0), sizes.count(7.0)) == (49 * 8, 7)


async def test_whoever_fills_a_group_has_it_ranked_at_once_and_is_told_so(server: Any) -> None:
    async with served(server) as address:
        members = responses(1, 3)
        answers = await asyncio.gather(*(asked(address, 1, m, "?group=3&wait=50") for m in members))
        told = await metrics(address)
        expected = await directly(address, 1, members)
    assert [answer.json() for answer in answers] == pytest.approx([expected[m] for m in members])
    assert {answer.headers["x-judge-cohort"] for answer in answers} == {"complete"}
    assert {answer.headers["x-judge-cohort-size"] for answer in answers} == {"3"}
    assert 'judge_cohorts_total{end="complete"} 1.0' in told
    assert "judge_cohort_wait_seconds_count 3.0" in told


async def test_the_next_arrival_opens_another_group(server: Any) -> None:
    async with served(server) as address:
        members = responses(1, 4)
        answers = await asyncio.gather(*(asked(address, 1, m, "?group=2&wait=50") for m in members))
    assert all(answer.headers["x-judge-cohort"] == "complete" for answer in answers)
    assert sorted(answer.json() for answer in answers)[1] < 0.5 < sorted(answer.json() for answer in answers)[2]


async def test_one_alone_has_no_score_and_no_default(server: Any) -> None:
    async with served(server) as address:
        alone = await asked(address, 1, responses(1)[0], "?group=8&wait=0.2")
        number = await asked(address, 2, responses(2)[0], "?group=8&wait=0.2&on_failure=-1")
        told = await metrics(address)
    assert (alone.status_code, alone.json()["error"]["code"]) == (503, "cohort_alone")
    assert "retry-after" in alone.headers
    assert (number.json(), number.headers["x-judge-unscored"]) == (-1.0, "1")
    assert 'judge_cohorts_total{end="alone"} 2.0' in told
    assert server.calls == 0


async def test_who_comes_late_is_ranked_with_those_who_were_there_and_marked(server: Any) -> None:
    async with served(server) as address:
        members = responses(1, 4)
        early = await asyncio.gather(*(asked(address, 1, m, "?group=4&wait=2") for m in members[:3]))
        late = await asked(address, 1, members[3], "?group=4&wait=2")
        of_three = await directly(address, 1, members[:3])
        of_four = await directly(address, 1, members)
        told = await metrics(address)
    assert [answer.json() for answer in early] == pytest.approx([of_three[m] for m in members[:3]])
    assert {answer.headers["x-judge-cohort"] for answer in early} == {"partial"}
    assert late.json() == pytest.approx(of_four[members[3]])
    assert (late.headers["x-judge-cohort"], late.headers["x-judge-cohort-size"]) == ("late", "4")
    assert "judge_cohort_late_members_total 1.0" in told


async def test_runs_prompts_options_and_endpoints_never_mix(server: Any) -> None:
    async with served(server) as address:
        mine, yours = responses(1, 2)
        kinds = ("?group=2&wait=0.4&run=a", "?group=2&wait=0.4&run=b", "?group=2&wait=0.4&rubric=honesty")
        answers = await asyncio.gather(
            *(asked(address, 1, mine, query) for query in kinds),
            asked(address, 2, yours, kinds[0]),
            asked(address, 1, yours, "?group=3&wait=0.4&run=a"),
        )
        told = await OpenRlhf([address], kinds[0], tries=1).reward(prompt_of(1), yours)
    assert [answer.status_code for answer in answers] == [503] * 5
    assert told is None


async def test_keys_never_mix(redis: RedisServer, server: Any) -> None:
    settings = {"cache": redis.url, "more": {"api_keys": "one,two", "server": {"share_cache": True}}}
    async with served(server, **settings) as address:
        own = [f"{address}/k/{key}" for key in ("one", "two", "two")]
        answers = await asyncio.gather(
            *(asked(at, 1, m, "?group=2&wait=0.4") for at, m in zip(own, responses(1, 3), strict=True))
        )
    assert [answer.status_code for answer in answers] == [503, 200, 200]


async def test_two_live_callers_who_say_the_same_share_a_place(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        low, high = responses(1, 2)
        asking = [(one, high), (one, high), (two, high), (two, low)]
        answers = await asyncio.gather(*(asked(at, 1, text, "?group=4&wait=30") for at, text in asking))
        expected = await directly(one, 1, [high, low])
    assert {answer.headers["x-judge-cohort-size"] for answer in answers} == {"4"}
    assert [answer.json() for answer in answers] == pytest.approx([expected[text] for _, text in asking])


async def hung_up(address: str, response: str, query: str) -> None:
    """A caller that has not the patience."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await asked(address, 1, response, query)
    await asyncio.sleep(0.2)


async def test_the_next_try_of_one_who_hung_up_takes_its_own_seat(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        first, second, third = responses(1, 3)
        await hung_up(one, first, "?group=3&wait=20")
        answers = await asyncio.gather(
            asked(two, 1, first, "?group=3&wait=20"),
            asked(one, 1, second, "?group=3&wait=20"),
            asked(two, 1, third, "?group=3&wait=20"),
        )
        expected = await directly(one, 1, [first, second, third])
    assert [answer.json() for answer in answers] == pytest.approx([expected[m] for m in (first, second, third)])
    assert {answer.headers["x-judge-cohort"] for answer in answers} == {"complete"}


async def test_the_next_try_of_one_who_hung_up_gets_the_verdict_that_is_there(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        first, second, third = responses(1, 3)
        await hung_up(one, first, "?group=3&wait=20")
        others = await asyncio.gather(*(asked(two, 1, m, "?group=3&wait=20") for m in (second, third)))
        calls = server.calls
        again = await asked(two, 1, first, "?group=3&wait=20")
        assert server.calls == calls, "nobody was ranked again"
        expected = await directly(one, 1, [first, second, third])
    assert all(answer.status_code == 200 for answer in others)
    assert again.json() == pytest.approx(expected[first])
    assert again.headers["x-judge-cohort"] == "complete"


async def test_who_was_answered_and_says_the_same_again_is_another_member(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        members = responses(1, 2)
        await asyncio.gather(*(asked(one, 1, m, "?group=2&wait=20") for m in members))
        await asyncio.sleep(0.3)
        again = await asyncio.gather(*(asked(two, 1, m, "?group=2&wait=20") for m in (members[0], "x (worth 9)")))
    assert [answer.json() > 0.5 for answer in again] == [False, True]
    assert {answer.headers["x-judge-cohort-size"] for answer in again} == {"2"}


async def test_nobody_is_scored_while_the_judge_fails_and_their_next_tries_are(server: Any) -> None:
    works, server.rule = server.rule, lambda _: error(400, "planted")
    async with served(server) as address:
        members = responses(1, 3)
        failed = await asyncio.gather(*(asked(address, 1, m, "?group=3&wait=20") for m in members))
        server.rule = works
        again = await asyncio.gather(*(asked(address, 1, m, "?group=3&wait=20") for m in members))
        expected = await directly(address, 1, members)
    assert [answer.status_code for answer in failed] == [503] * 3
    assert [answer.json() for answer in again] == pytest.approx([expected[m] for m in members])


async def test_a_prompt_that_nobody_can_rank_in_time_is_answered_in_time(server: Any) -> None:
    held = asyncio.Event()
    rule = server.rule
    server.rule = lambda told: type(answer := rule(told))(answer.body, waits=held)
    async with served(server) as address:
        answers = await asyncio.gather(*(asked(address, 1, m, "?group=2&wait=1&timeout=2") for m in responses(1, 2)))
        held.set()
    assert [answer.status_code for answer in answers] == [504, 504]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?group=1", "group"),
        ("?group=many", "group"),
        ("?group=1000", "group"),
        ("?group=8&wait=0.5&timeout=0.4", "wait"),
        ("?group=8&wait=-1", "wait"),
        ("?group=8&run=" + "x" * 300, "run"),
    ],
)
async def test_terms_that_cannot_be_are_named(query: str, param: str) -> None:
    async with served(None) as address:
        answer = await asked(address, 1, "7", query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_no_more_prompts_are_gathered_for_than_may_be(server: Any) -> None:
    async with served(server, more={"cohorts": {"most_open": 1}}) as address:
        first = asyncio.create_task(asked(address, 1, "7 (worth 1)", "?group=2&wait=1"))
        await asyncio.sleep(0.3)
        second = await asked(address, 2, "7 (worth 1)", "?group=2&wait=1")
        await first
    assert (second.status_code, second.json()["error"]["code"]) == (429, "cohorts_full")


async def test_slime_is_gathered_too_each_query_of_a_list_is_a_member(server: Any) -> None:
    async with served(server) as address:
        members = responses(1, 3)
        turns = [{"role": "user", "content": prompt_of(1)}]
        query = "?group=3&wait=20"
        numbers = await asyncio.gather(*(slime(address, turns, m, query=query) for m in members))
        templated = f"<|im_start|>user\n{prompt_of(1)}<|im_end|>\n<|im_start|>assistant\n"
        body = {"query": [templated + m for m in members], "prompts": [templated] * 3, "labels": None}
        async with httpx.AsyncClient(timeout=60) as client:
            together = (await client.post(f"{address}/get_reward{query}", json=body)).json()
        expected = await directly(address, 1, members)
    assert numbers == together["rewards"] == pytest.approx([expected[m] for m in members])


def of_processes(judge: Emulator, *flags: str) -> tuple[str, ...]:
    return ("--judge-url", judge.url, "--model", "emulator", *flags)


async def test_several_processes_without_a_redis_say_what_is_to_be_configured() -> None:
    async with emulator() as judge, serving(*of_processes(judge, "--workers", "2")) as (address, _):
        gathered = await asked(address, 1, "7 (worth 3)", "?group=2")
        single = await asked(address, 1, "7 (worth 3)", "")
    assert (gathered.status_code, gathered.json()["error"]["code"]) == (503, "cohorts_not_kept")
    assert "cohorts.url" in gathered.json()["error"]["message"]
    assert single.status_code == 200


async def test_several_processes_on_one_redis_gather_together(redis: RedisServer) -> None:
    environ = {"JUDGE_COHORTS__URL": redis.url}
    async with emulator() as judge, serving(*of_processes(judge, "--workers", "2"), environ=environ) as (address, _):
        members = responses(1)
        answers = await asyncio.gather(*(asked(address, 1, m, "?group=8&wait=20") for m in members))
        expected = await directly(address, 1, members)
    assert [answer.json() for answer in answers] == pytest.approx([expected[m] for m in members])


async def test_a_server_killed_while_members_wait_loses_none_of_them(redis: RedisServer) -> None:
    environ = {"JUDGE_CACHE__URL": redis.url, "JUDGE_COHORTS__LEASE_SECONDS": "1.5"}
    async with (
        emulator() as judge,
        serving(*of_processes(judge), environ=environ) as (one, first),
        serving(*of_processes(judge), environ=environ) as (two, _),
    ):
        worker = OpenRlhf((one, two), "?group=8&wait=20", pause=0.5)
        groups = {number: responses(number) for number in range(6)}
        flat = [(number, response) for number, members in groups.items() for response in members]
        # The last of each group comes when one of the servers is gone, with half of the others waiting at it.
        tasks = [
            asyncio.create_task(worker.reward(prompt_of(number), response, first=i))
            for i, (number, response) in enumerate(flat)
            if response != groups[number][-1]
        ]
        await asyncio.sleep(1.0)
        first.kill()
        await asyncio.sleep(0.2)
        tasks += [asyncio.create_task(worker.reward(prompt_of(n), members[-1])) for n, members in groups.items()]
        told = await asyncio.gather(*tasks)
        order = [key for key in flat if key[1] != groups[key[0]][-1]] + [(n, m[-1]) for n, m in groups.items()]
        rewards = {key: answer["rewards"][0] for key, answer in zip(order, told, strict=True) if answer}
        assert rewards.keys() == set(flat)
        for number, members in groups.items():
            expected = await directly(two, number, members)
            assert {m: rewards[number, m] for m in members} == pytest.approx(expected)


async def test_what_a_server_was_ranking_when_it_was_killed_another_ranks(redis: RedisServer) -> None:
    environ = {"JUDGE_COHORTS__URL": redis.url, "JUDGE_CACHE__URL": "none", "JUDGE_COHORTS__LEASE_SECONDS": "1.0"}
    async with (
        emulator(latency_ms="1500") as judge,
        serving(*of_processes(judge), environ=environ) as (one, first),
        serving(*of_processes(judge), environ=environ) as (two, _),
    ):
        members = responses(1, 4)
        waiting = [asyncio.create_task(asked(two, 1, m, "?group=4&wait=30")) for m in members[:3]]
        await asyncio.sleep(0.5)
        calls = judge.stats["calls"]
        last = asyncio.create_task(asked(one, 1, members[3], "?group=4&wait=30"))
        while judge.stats["calls"] == calls:
            await asyncio.sleep(0.05)
        first.kill()
        with pytest.raises(httpx.HTTPError):
            await last
        again = await asked(two, 1, members[3], "?group=4&wait=30")
        answers = [*await asyncio.gather(*waiting), again]
        judge.settings = judge.settings.changed({"latency_ms": "0"})
        expected = await directly(two, 1, members)
    assert [answer.json() for answer in answers] == pytest.approx([expected[m] for m in members])


async def test_a_server_that_is_told_to_end_sends_its_callers_to_another(redis: RedisServer) -> None:
    environ = {"JUDGE_COHORTS__URL": redis.url}
    async with (
        emulator() as judge,
        serving(*of_processes(judge), environ=environ) as (one, first),
        serving(*of_processes(judge), environ=environ) as (two, _),
    ):
        members = responses(1, 3)
        worker = OpenRlhf((one, two), "?group=3&wait=30", pause=0.2)
        waiting = [asyncio.create_task(worker.reward(prompt_of(1), m)) for m in members[:2]]
        await asyncio.sleep(0.7)
        first.terminate()
        await asyncio.sleep(0.7)
        told = await asyncio.gather(*waiting, worker.reward(prompt_of(1), members[2], first=1))
        expected = await directly(two, 1, members)
    assert [answer["rewards"][0] for answer in told if answer] == pytest.approx([expected[m] for m in members])


async def test_all_that_is_kept_in_redis_has_an_expiry(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, _):
        await asyncio.gather(*(asked(one, 1, m, "?group=2&wait=2") for m in responses(1, 2)))
    kept = [name for name in redis.names() if b":cohorts:" in name]
    assert kept
    assert all(0 < redis.ask("PTTL", name) <= 1000 * 600 for name in kept)


async def test_a_redis_that_fails_for_a_moment_costs_nobody_an_answer(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        members = responses(1, 3)
        waiting = [asyncio.create_task(asked(one, 1, m, "?group=3&wait=30")) for m in members[:2]]
        await asyncio.sleep(0.5)
        redis.freeze()
        third = asyncio.create_task(asked(two, 1, members[2], "?group=3&wait=30"))
        await asyncio.sleep(1.0)
        redis.thaw()
        answers = await asyncio.gather(*waiting, third)
        expected = await directly(one, 1, members)
    assert [answer.json() for answer in answers] == pytest.approx([expected[m] for m in members])


async def test_a_redis_that_lost_everything_has_callers_come_again(redis: RedisServer, server: Any) -> None:
    async with two_servers(server, redis) as (one, two):
        members = responses(1, 3)
        worker = OpenRlhf((one, two), "?group=3&wait=30", pause=0.3)
        waiting = [asyncio.create_task(worker.reward(prompt_of(1), m, first=i)) for i, m in enumerate(members[:2])]
        await asyncio.sleep(0.5)
        redis.ask("FLUSHALL")
        await asyncio.sleep(0.5)
        told = await asyncio.gather(*waiting, worker.reward(prompt_of(1), members[2]))
        expected = await directly(one, 1, members)
    assert [answer["rewards"][0] for answer in told if answer] == pytest.approx([expected[m] for m in members])


async def test_a_response_that_lacks_what_the_rubric_takes_is_refused_before_it_waits(server: Any) -> None:
    rubric = {
        "takes": ["prompt", "candidates", "reference"],
        "criteria": [{"name": "n", "text": "t", "question": "q?"}],
    }
    async with served(server, more={"endpoints": {"reward": {"rubric": rubric, "group": 8, "wait": 50}}}) as address:
        answer = await asked(address, 1, "7 (worth 3)", "")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "reference")
