"""/get_reward and /reward as OpenRLHF and slime ask them: one response at a time, special tokens and all."""

from typing import Any

import pytest
from judge_server import JudgeServer, error, said
from rl_callers import CHATML, OpenRlhf, slime
from services import api, judged, opened, served

PROMPT = "Name a prime number."
RESPONSE = "7 (worth 4)"
TURNS = [{"role": "user", "content": PROMPT}]


async def asked(server: JudgeServer | None, path: str, body: Any, **told: Any) -> Any:
    async with api(server, **told) as client:
        return await client.post(path, json=body)


def openrlhf_body(*responses: str, prompt: str = PROMPT, labels: list[Any] | None = None) -> dict[str, Any]:
    templated = CHATML.format(prompt)
    return {
        "query": [f"{templated}{response}<|im_end|>\n" for response in responses],
        "prompts": [templated] * len(responses),
        "labels": labels or [None] * len(responses),
    }


async def test_openrlhf_is_answered_with_the_normalised_score_of_the_response_alone(server: JudgeServer) -> None:
    async with opened(server) as service:
        direct = await judged(service, {"prompt": TURNS, "response": RESPONSE}, "score")
    async with served(server) as address:
        told = await OpenRlhf([address]).reward(PROMPT, RESPONSE)
    assert told is not None
    assert told["rewards"] == told["scores"] == [pytest.approx(direct["verdict"]["normalized"])]
    assert 0 < told["rewards"][0] < 1
    assert told["extra_logs"]["judge_label_mass"] == [pytest.approx(1.0)]
    assert all(isinstance(value, float) for logged in told["extra_logs"].values() for value in logged)


async def test_the_judge_sees_turns_and_no_control_strings(server: JudgeServer) -> None:
    answer = await asked(server, "/get_reward", openrlhf_body(RESPONSE))
    assert answer.status_code == 200
    assert PROMPT in server.prompts()[0]
    assert RESPONSE in server.prompts()[0]
    assert not any(token in prompt for prompt in server.prompts() for token in ("im_start", "im_end"))


async def test_several_queries_are_answered_in_their_order(server: JudgeServer) -> None:
    answer = await asked(server, "/get_reward", openrlhf_body("8 (worth 1)", "7 (worth 5)", "9 (worth 3)"))
    low, high, middle = answer.json()["rewards"]
    assert low < middle < high
    assert all(len(values) == 3 for values in answer.json()["extra_logs"].values())


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"query": ["hello"], "prompts": ["bye"]}, "query[0]"),
        ({"query": ["hello", "hello"], "prompts": ["hel", "help"]}, "query[1]"),
        ({"query": ["hello"], "prompts": []}, "prompts"),
        ({"query": ["hello"], "prompts": ["h", "h"]}, "prompts"),
        ({"query": ["hello"], "prompts": ["h"], "labels": ["x", "y"]}, "labels"),
        ({"query": ["hello"], "prompts": ["h"], "labels": "x"}, "labels"),
        ({"query": [7], "prompts": ["h"]}, "query[0]"),
        ({"query": [], "prompts": []}, "query"),
        ({"prompts": ["h"]}, "query"),
        ({"query": ["hello"]}, "prompts"),
    ],
)
async def test_what_cannot_be_read_is_named(wrong: dict[str, Any], param: str) -> None:
    answer = await asked(None, "/get_reward", wrong)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("body", [{"response": "7"}, {"prompt": "hi"}, {"prompt": 7, "response": "7"}])
async def test_slimes_body_needs_a_prompt_and_a_response(body: dict[str, Any]) -> None:
    answer = await asked(None, "/reward", body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in ("prompt", "response")


async def test_slime_is_answered_with_a_bare_number_for_prompts_of_both_kinds(server: JudgeServer) -> None:
    async with opened(server) as service:
        direct = await judged(service, {"prompt": TURNS, "response": RESPONSE}, "score")
    async with served(server) as address:
        templated = await slime(address, CHATML.format(PROMPT), RESPONSE + "<|im_end|>")
        in_turns = await slime(address, TURNS, RESPONSE)
        plain = await slime(address, PROMPT, RESPONSE)
    assert templated == in_turns == pytest.approx(direct["verdict"]["normalized"])
    assert isinstance(plain, float)


async def test_slime_is_answered_with_a_dict_where_it_reads_a_key(server: JudgeServer) -> None:
    async with served(server) as address:
        number = await slime(address, PROMPT, RESPONSE)
        told = await slime(address, PROMPT, RESPONSE, query="?shape=dict")
        named = await slime(address, PROMPT, RESPONSE, query="?reward_key=quality")
    assert told["reward"] == named["quality"] == number
    assert told["judge_label_mass"] == pytest.approx(1.0)


async def test_a_label_is_shown_to_the_judge_only_where_that_is_asked_for(server: JudgeServer) -> None:
    body = openrlhf_body(RESPONSE, labels=["the answer is 7"])
    await asked(server, "/get_reward", body)
    assert not any("the answer is 7" in prompt for prompt in server.prompts())
    await asked(server, "/get_reward?label=reference", body, cache="none")
    assert "the answer is 7" in server.prompts()[-1]


async def test_a_label_that_is_no_text_is_never_shown(server: JudgeServer) -> None:
    answer = await asked(server, "/reward?label=reference", {"prompt": PROMPT, "response": RESPONSE, "label": {"x": 1}})
    assert answer.status_code == 200
    assert "Reference" not in server.prompts()[-1]


async def test_what_has_no_score_is_an_error_and_no_number(server: JudgeServer) -> None:
    server.rule = lambda _: said("I would rather not.")
    answer = await asked(server, "/get_reward", openrlhf_body(RESPONSE))
    assert answer.status_code == 503
    assert "rewards" not in answer.json()


async def test_what_has_no_score_is_the_number_that_was_named_for_it_and_marked(server: JudgeServer) -> None:
    server.rule = lambda _: said("I would rather not.")
    answer = await asked(server, "/get_reward?on_failure=-1.5", openrlhf_body(RESPONSE))
    assert (answer.status_code, answer.json()["rewards"]) == (200, [-1.5])
    assert answer.headers["x-judge-unscored"] == "1"
    number = await asked(server, "/reward?on_failure=0", {"prompt": PROMPT, "response": RESPONSE})
    assert (number.json(), number.headers["x-judge-unscored"]) == (0.0, "1")


async def test_one_query_without_a_score_leaves_the_others_theirs(server: JudgeServer) -> None:
    server.next.append(error(400, "no"))
    answer = await asked(server, "/get_reward?on_failure=-1", openrlhf_body(RESPONSE, "8 (worth 2)"))
    assert sorted(value == -1 for value in answer.json()["rewards"]) == [False, True]
    assert answer.headers["x-judge-unscored"] == "1"


async def test_fields_that_nobody_reads_are_named(server: JudgeServer) -> None:
    answer = await asked(server, "/reward", {"prompt": PROMPT, "response": RESPONSE, "index": 3, "label": None})
    assert answer.headers["x-judge-ignored"] == "index"


async def test_options_stand_in_the_query_and_in_the_configuration(server: JudgeServer) -> None:
    body = {"prompt": PROMPT, "response": RESPONSE}
    more = {"endpoints": {"reward": {"rubric": "honesty", "reward_key": "r"}}}
    answer = await asked(server, "/reward", body, more=more)
    assert answer.json().keys() >= {"r"}
    assert (await asked(None, "/reward?rubric=nope", body)).status_code == 404
    wrong = await asked(None, "/reward?gruop=8", body)
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "gruop")
