"""/v1/reward: a number to each response of a group in the order given, and null where there is no verdict."""

import asyncio
from typing import Any

import pytest
from judge_server import JudgeServer, error
from services import LIST, api

from judge_service.domain.parsing import unnamed

GROUP = {"prompt": LIST["prompt"], "responses": LIST["candidates"]}
REWARD = "/v1/reward"


async def test_the_rewards_of_a_group_are_the_scores_of_its_ranking_in_the_order_given(server: JudgeServer) -> None:
    async with api(server) as client:
        told = (await client.post(REWARD, json={**GROUP, "id": "g", "metadata": {"step": 3}})).json()
        ranked = (await client.post("/v1/rank", json={**LIST, "id": "g"})).json()
    assert told["rewards"] == [ranked["verdict"]["scores"][name] for name in "abc"]
    assert told["ranks"] == [2, 1, 3]
    assert (told["object"], told["reward"], told["status"], told["failure"]) == ("reward", "ranking", "judged", None)
    assert (told["case_id"], told["judgment"], told["metadata"]) == ("g", ranked["id"], {"step": 3})
    assert (told["unscored"], told["responses"]) == (0, ["a", "b", "c"])


async def test_pointwise_rewards_are_each_ones_share_of_the_scale(server: JudgeServer) -> None:
    async with api(server) as client:
        way = {"reward": "pointwise"}
        told = (await client.post(REWARD, json=GROUP, params=way)).json()
        scored = (await client.post("/v1/score", json=LIST)).json()["verdict"]["scores"]
        alone = (
            await client.post(REWARD, json={**GROUP, "responses": ["7 (worth 3)"]}, params={"reward": "pointwise"})
        ).json()
    assert told["rewards"] == [scored[name]["normalized"] for name in "abc"]
    assert told["ranks"] is None
    assert alone["rewards"] == [told["rewards"][1]]


async def test_pointwise_may_be_configured(server: JudgeServer) -> None:
    async with api(server, more={"endpoints": {"group_reward": {"reward": "pointwise"}}}) as client:
        assert (await client.post(REWARD, json=GROUP)).json()["reward"] == "pointwise"
        assert (await client.post(REWARD, json=GROUP, params={"reward": "ranking"})).json()["reward"] == "ranking"


async def test_responses_may_have_names_and_be_conversations(server: JudgeServer) -> None:
    turns = [{"role": "assistant", "content": "7 (worth 3)"}]
    responses = [{"id": "one", "content": "8 (worth 1)", "model": "m1"}, turns]
    async with api(server) as client:
        told = (await client.post(REWARD, json={**GROUP, "responses": responses})).json()
    assert told["responses"] == ["one", "b"]
    assert told["ranks"] == [2, 1]


async def test_many_groups_are_answered_in_their_order_and_a_wrong_one_at_its_place(server: JudgeServer) -> None:
    groups: list[Any] = [
        {**GROUP, "id": f"g{i}", "responses": [f"{j} (worth {(i + j) % 5})" for j in range(5)]} for i in range(6)
    ]
    groups[2] = {"id": "bad", "prompt": "p", "responses": ["x", 7]}
    groups[4] = {"prompt": "p", "responses": ["alone"]}
    groups += [7, {"prompt": "p", "candidates": ["x", "y"]}]
    async with api(server) as client:
        answer = await client.post(REWARD, json={"groups": groups})
    told = answer.json()
    assert answer.status_code == 200
    assert [group["status"] for group in told["data"]] == ["judged", "judged", "unscored", "judged", "unscored",
                                                           "judged", "unscored", "unscored"]  # fmt: skip
    for i in (0, 1, 3, 5):
        rewards = told["data"][i]["rewards"]
        assert sorted(range(5), key=lambda j: rewards[j]) == sorted(range(5), key=lambda j: (i + j) % 5)
    params = [group["failure"]["param"] for group in told["data"] if group["failure"]]
    assert params == ["groups[2].responses[1]", "groups[4].responses", "groups[6]", "groups[7].candidates"]
    assert told["data"][2]["case_id"] == "bad"
    assert told["usage"]["judge_calls"] == server.calls
    assert answer.headers["x-judge-unscored"] == "4"


async def test_what_the_judge_fails_at_is_null_and_says_why(server: JudgeServer) -> None:
    rule = server.rule
    server.rule = lambda asked: error(400, "no") if "poison" in str(asked) else rule(asked)
    groups = [GROUP, {"prompt": "poison", "responses": ["x (worth 1)", "y (worth 2)"]}]
    async with api(server) as client:
        good, bad = (await client.post(REWARD, json={"groups": groups})).json()["data"]
        one = await client.post(REWARD, json=groups[1])
    assert None not in good["rewards"]
    assert (bad["rewards"], bad["ranks"], bad["unscored"]) == ([None, None], None, 2)
    assert bad["failure"]["kind"] == "judge_error"
    assert one.status_code == 200
    assert one.json()["rewards"] == [None, None]


async def test_on_failure_stands_in_for_null_and_is_counted(server: JudgeServer) -> None:
    server.rule = lambda _: error(400)
    async with api(server) as client:
        answer = await client.post(REWARD, json=GROUP, params={"on_failure": "-1"})
    assert answer.json()["rewards"] == [-1, -1, -1]
    assert (answer.json()["unscored"], answer.json()["status"]) == (3, "unscored")
    assert answer.headers["x-judge-unscored"] == "1"


async def test_a_judge_that_is_down_for_every_group_is_503_so_that_the_trainer_asks_again(server: JudgeServer) -> None:
    zero = {"on_failure": "0"}
    async with api(server) as client:
        await server.stop()
        answer, stood_in = await asyncio.gather(
            client.post(REWARD, json={"groups": [GROUP, GROUP]}), client.post(REWARD, json=GROUP, params=zero)
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "judge_unavailable")
    assert answer.headers["retry-after"]
    assert stood_in.json()["rewards"] == [0, 0, 0]


async def test_a_large_group_keeps_its_order(server: JudgeServer) -> None:
    worths = [(7 * i) % 40 / 10 for i in range(40)]
    async with api(server) as client:
        body = {"prompt": "p", "responses": [f"{unnamed(i)} (worth {worth})" for i, worth in enumerate(worths)]}
        rewards = (await client.post(REWARD, json=body)).json()["rewards"]
    assert sorted(range(40), key=lambda i: rewards[i]) == sorted(range(40), key=lambda i: worths[i])


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "prompt"),
    ({"prompt": "p"}, 400, "responses"),
    ({**GROUP, "responses": []}, 400, "responses"),
    ({**GROUP, "responses": ["x"]}, 400, "responses"),
    ({**GROUP, "responses": "x"}, 400, "responses"),
    ({**GROUP, "responses": ["x", None]}, 400, "responses[1]"),
    ({**GROUP, "responses": ["x", {"content": "y", "age": 1}]}, 400, "responses[1].age"),
    ({**GROUP, "responses": [{"id": "a", "content": "x"}, {"id": "a", "content": "y"}]}, 400, "responses[1].id"),
    ({**GROUP, "metadata": []}, 400, "metadata"),
    ({**GROUP, "prompt": []}, 400, "prompt"),
    ({**GROUP, "groups": [GROUP]}, 400, "prompt"),
    ({"groups": []}, 400, "groups"),
    ({"groups": GROUP}, 400, "groups"),
    ({"groups": [GROUP] * 3}, 413, "groups"),
]


@pytest.mark.parametrize(("body", "status", "param"), WRONG)
async def test_a_wrong_field_is_refused_and_named(
    server: JudgeServer, body: dict[str, Any], status: int, param: str
) -> None:
    async with api(server, more={"server": {"max_cases": 2}}) as client:
        answer = await client.post(REWARD, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text
    assert not server.calls


async def test_a_reward_of_no_known_kind_is_400(server: JudgeServer) -> None:
    async with api(server) as client:
        answer = await client.post(REWARD, json=GROUP, params={"reward": "best"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "reward")
