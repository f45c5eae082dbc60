"""The reward functions for TRL over real sockets, without a trainer: what fails, and what it does not take along.

tests/trl has the trainers.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, by_worth, said
from services import served

from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import BadRequest, Unavailable, patience
from judge_service.integrations.trl import JudgePreference, JudgeReward

WORTHS = (1, 4, 2, 3)
TEXTS = [f"Answer {i} (worth {worth})" for i, worth in enumerate(WORTHS)]
UNREADABLE = said("I would rather not say.")


@asynccontextmanager
async def rewarding(server: JudgeServer, **told: Any) -> AsyncIterator[JudgeReward]:
    """A reward function, at a service around the judge server, that looks at nothing else."""
    async with served(server) as url:
        judge = JudgeReward(url, **{"every": 0, **told})
        yield judge
        await judge.aclose()


def order(rewards: list[float | None]) -> list[int]:
    return sorted(range(len(rewards)), key=lambda place: rewards[place] or 0.0)


async def test_a_group_is_ranked_whatever_the_place_of_its_best(server: JudgeServer) -> None:
    async with rewarding(server, num_generations=4) as judge:
        rewards = await judge(prompts=["p"] * 4 + ["q"] * 4, completions=TEXTS + TEXTS[::-1])
    assert order(rewards[:4]) == [0, 2, 3, 1]
    assert rewards[4:] == pytest.approx(rewards[:4][::-1], abs=0.12)
    assert all(0.0 <= reward <= 1.0 for reward in rewards)
    # One order of each pair was asked: six calls to four completions.
    assert server.calls == 12


async def test_what_is_no_completion_is_left_out_of_its_group_and_of_nothing_else(server: JudgeServer) -> None:
    async with rewarding(server) as judge:
        rewards = await judge(prompts=["p"] * 5, completions=[*TEXTS, []])
    assert rewards[4] is None
    assert order(rewards[:4]) == [0, 2, 3, 1]


async def test_one_group_that_cannot_be_judged_takes_no_other_along(server: JudgeServer) -> None:
    server.rule = lambda asked: UNREADABLE if "[poison]" in str(asked["messages"]) else by_worth(asked)
    told: list[tuple[str, Any]] = []
    async with rewarding(server, num_generations=2) as judge:
        given = {"log_metric": lambda *it: told.append(it), "log_extra": lambda *it: told.append(it)}
        rewards = await judge(prompts=["[poison]"] * 2 + ["p"] * 2, completions=TEXTS, **given)
    assert rewards[:2] == [None, None]
    assert rewards[2] < 0.5 < rewards[3]
    assert dict(told)["judge/unscored"] == 0.5
    assert dict(told)["judge_unscored"] == ["unreadable", "unreadable", "", ""]


async def test_a_judge_that_does_not_answer_costs_no_more_than_the_timeout(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.rule = lambda asked: said("A", waits=never)
    async with rewarding(server, timeout=0.5) as judge:
        assert await judge(prompts=["p"] * 4, completions=TEXTS) == [None] * 4
    never.set()


async def test_training_without_any_reward_does_not_go_on_for_ever(server: JudgeServer) -> None:
    server.rule = lambda asked: UNREADABLE
    async with rewarding(server, give_up=3) as judge:
        for _ in range(2):
            assert await judge(prompts=["p"] * 4, completions=TEXTS) == [None] * 4
        with pytest.raises(Unavailable, match="no reward in 3 calls in a row: unreadable"):
            await judge(prompts=["p"] * 4, completions=TEXTS)


async def test_what_is_wrong_from_the_start_is_told_at_the_first_call(
    server: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.001)
    async with rewarding(server, reading="nothing") as judge:
        with pytest.raises(BadRequest, match="there is no reading 'nothing'"):
            await judge(["p"] * 2, TEXTS[:2])
    async with rewarding(server, reference="gold") as judge:
        with pytest.raises(InvalidConfiguration, match="no column 'gold'"):
            await judge(["p"] * 2, TEXTS[:2], level=[1, 2])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="no judge answers"):
        await JudgeReward(f"http://127.0.0.1:{port}")(["p"] * 2, TEXTS[:2])


async def test_a_group_of_one_is_refused(server: JudgeServer) -> None:
    async with rewarding(server) as judge:
        with pytest.raises(InvalidConfiguration, match="a group of one cannot be ranked"):
            await judge(prompts=["p"], completions=TEXTS[:1])
    async with rewarding(server, reward="pointwise") as alone:
        rewards = await alone(prompts=["p", "q"], completions=[TEXTS[0], TEXTS[1]])
    assert rewards[0] < rewards[1]


async def test_rows_that_lie_on_other_processes_are_missed_where_there_are_none(server: JudgeServer) -> None:
    async with rewarding(server, num_generations=4) as judge:
        with pytest.raises(InvalidConfiguration, match="Give each a multiple of 4"):
            await judge(prompts=["p"] * 6, completions=[*TEXTS, *TEXTS[:2]])


async def test_the_flip_rate_is_asked_for_where_it_is_due(server: JudgeServer, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text('{"prompt": "p", "candidates": ["x (worth 3)", "y (worth 1)"], "metadata": {"better": "a"}}\n')
    steps: list[dict[str, float]] = []
    async with rewarding(server, every=2, anchors=anchors, name="helpful") as judge:
        for _ in range(3):
            told: dict[str, float] = {}
            await judge(prompts=["p"] * 4, completions=TEXTS, log_metric=told.__setitem__)
            steps.append(told)
    assert [("helpful/flip_rate" in told, "helpful/anchor_accuracy" in told) for told in steps] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert steps[0]["helpful/position_bias"] == pytest.approx(0.5, abs=1e-3)
    assert steps[0]["helpful/anchor_accuracy"] == 1.0


async def test_pairs_get_the_probability_and_its_rest_at_their_places(server: JudgeServer) -> None:
    async with served(server) as url:
        judge = JudgePreference(url, every=0)
        rewards = await asyncio.to_thread(judge, prompts=["p", "q"] * 2, completions=TEXTS)
        with pytest.raises(InvalidConfiguration, match="rows 0 and 2 are no pair"):
            judge(prompts=["p", "p", "q", "q"], completions=TEXTS)
        judge.close()
    assert rewards[0] < 0.5 < rewards[1]
    assert [a + b for a, b in zip(rewards[:2], rewards[2:], strict=True)] == pytest.approx([1.0, 1.0])
