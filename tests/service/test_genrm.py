"""/genrm/compare, as NeMo-Gym's genrm_compare is asked: rewards and comparisons from 1 to 5, 3 for neither better."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_server import JudgeServer, error, tokens
from services import LIST, api

from judge_service.domain.responses import messages_of
from judge_service.errors import InvalidCase

COMPARE = "/genrm/compare"
HISTORY = [{"role": "user", "content": LIST["prompt"]}]


def answered(text: str, **more: Any) -> dict[str, Any]:
    """A Responses API object as a policy server gives it."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    return {"id": "resp_1", "object": "response", "model": "policy", "output": [message], **more}


def thought(text: str, thoughts: str) -> dict[str, Any]:
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": thoughts}]}
    return {"output": [reasoning, *answered(text)["output"]]}


RESPONSES = [answered(text) for text in LIST["candidates"]]
BODY = {"conversation_history": HISTORY, "response_objs": RESPONSES, "principle": None}


async def test_rewards_are_the_rankings_scores_from_1_to_5(server: JudgeServer) -> None:
    async with api(server) as client:
        told = (await client.post(COMPARE, json=BODY)).json()
        turns = [[{"role": "assistant", "content": text}] for text in LIST["candidates"]]
        ranked = await client.post("/v1/rank", json={"prompt": HISTORY, "candidates": turns})
        scores = ranked.json()["verdict"]["scores"]
    assert told["rewards"] == [1 + 4 * scores[name] for name in "abc"]
    assert told.keys() == {"rewards", "comparison_results", "metrics"}
    assert sum(told["rewards"]) == pytest.approx(9)


async def test_the_comparisons_are_the_questions_asked_and_say_what_their_votes_say(server: JudgeServer) -> None:
    async with api(server) as client:
        answer = await client.post(COMPARE, json=BODY, params={"orders": "both", "include": "raw"})
        told = answer.json()
    assert len(told["comparison_results"]) == server.calls == 6
    for one in told["comparison_results"]:
        assert one.keys() == {"response_i", "response_j", "judge_idx", "score_1", "score_2", "ranking"}
        assert one["score_1"] + one["score_2"] == pytest.approx(6)
        assert one["ranking"] - 3.5 == pytest.approx((one["score_2"] - one["score_1"]) * 5 / 8)
        better, worse = sorted((one["response_i"], one["response_j"]), key=[1, 0, 2].index)
        assert (one["score_1"] > one["score_2"]) is (one["response_i"] == better), (better, worse)
    assert {(one["response_i"], one["response_j"]) for one in told["comparison_results"]} == {
        (i, j) for i in range(3) for j in range(3) if i != j
    }


async def test_metrics_are_numbers_and_count_flips(server: JudgeServer) -> None:
    server.rule = lambda _: tokens({"A": 0.9, "B": 0.1})
    async with api(server) as client:
        told = (await client.post(COMPARE, json=BODY, params={"orders": "both"})).json()
    metrics = told["metrics"]
    assert all(isinstance(number, int | float) for number in metrics.values())
    assert metrics["flip_share"] == 1
    assert (metrics["comparisons"], metrics["failed_comparisons"], metrics["unscored"]) == (6, 0, 0)
    assert metrics["tiebreak_usage_rate"] == 0
    assert metrics["mean_individual_score"] == pytest.approx(3)
    assert told["rewards"] == pytest.approx([3, 3, 3])


async def test_thoughts_are_not_shown(server: JudgeServer) -> None:
    responses = [thought("8 (worth 1)", "secret plan (worth 9)"), thought("7 (worth 3)", "other plan")]
    async with api(server) as client:
        told = (await client.post(COMPARE, json={**BODY, "response_objs": responses})).json()
    assert told["rewards"][1] > told["rewards"][0]
    assert not any("plan" in str(asked) for asked in server.asked)


async def test_calls_of_tools_are_shown(server: JudgeServer) -> None:
    call = {"type": "function_call", "name": "add", "arguments": '{"n": 1}', "call_id": "c"}
    result = {"type": "function_call_output", "call_id": "c", "output": "2"}
    tools = {"output": [call, result, *answered("So 2 (worth 2)")["output"]]}
    async with api(server) as client:
        await client.post(COMPARE, json={**BODY, "response_objs": [tools, answered("5 (worth 1)")]})
    assert server.calls
    assert all("(calls tool) add" in prompt and '{"n": 1}' in prompt for prompt in server.prompts())


async def test_a_principle_is_what_is_judged_by(server: JudgeServer) -> None:
    async with api(server) as client:
        await client.post(COMPARE, json={**BODY, "principle": "The answer is in French."})
        with_it = [str(asked) for asked in server.asked]
        server.asked.clear()
        await client.post(COMPARE, json={**BODY, "principle": ""})
    assert with_it
    assert all("The answer is in French." in asked for asked in with_it)
    assert not any("French" in str(asked) for asked in server.asked)


async def test_one_response_is_scored_by_itself(server: JudgeServer) -> None:
    async with api(server) as client:
        told = (await client.post(COMPARE, json={**BODY, "response_objs": RESPONSES[1:2]})).json()
        body = {"prompt": HISTORY, "response": LIST["candidates"][1]}
        scored = (await client.post("/v1/score", json=body)).json()["verdict"]
    assert told["rewards"] == [1 + 4 * scored["normalized"]]
    assert told["comparison_results"] == []


async def test_no_verdict_is_no_3(server: JudgeServer) -> None:
    server.rule = lambda _: error(400)
    async with api(server) as client:
        answer = await client.post(COMPARE, json=BODY)
        stood_in = await client.post(COMPARE, json=BODY, params={"on_failure": "3"})
    assert answer.status_code == 503
    assert stood_in.json()["rewards"] == [3, 3, 3]
    assert stood_in.json()["metrics"]["unscored"] == 1
    assert stood_in.json()["comparison_results"] == []
    assert stood_in.headers["x-judge-unscored"] == "1"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"response_objs": None}, "response_objs"),
    ({"response_objs": []}, "response_objs"),
    ({"response_objs": {"output": []}}, "response_objs"),
    ({"response_objs": ["x", "y"]}, "response_objs[0]"),
    ({"response_objs": [answered("x"), {}]}, "response_objs[1]"),
    ({"response_objs": [answered("x"), {"output": "y"}]}, "response_objs[1]"),
    ({"response_objs": [answered("x"), {"output": [7]}]}, "response_objs[1].output[0]"),
    ({"response_objs": [answered("x"), {"output": [{"type": "message", "content": 7}]}]},
     "response_objs[1].output[0].content"),
    ({"response_objs": [{"output": [{"type": "function_call"}]}, answered("x")]}, "response_objs[0].output[0].name"),
    ({"conversation_history": None}, "conversation_history"),
    ({"conversation_history": "x"}, "conversation_history"),
    ({"conversation_history": []}, "conversation_history"),
    ({"conversation_history": [7]}, "conversation_history[0]"),
    ({"conversation_history": [{"role": "king", "content": "x"}]}, "conversation_history[0].role"),
    ({"conversation_history": [{"role": "user"}]}, "conversation_history[0].content"),
    ({"principle": 7}, "principle"),
    ({"principle": "  "}, "principle"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "param"), WRONG)
async def test_a_wrong_field_is_400_and_named_as_it_is_in_the_body(
    server: JudgeServer, wrong: dict[str, Any], param: str
) -> None:
    async with api(server) as client:
        answer = await client.post(COMPARE, json={**BODY, **wrong})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert not server.calls


def test_a_response_is_read_in_the_order_in_which_it_was_said() -> None:
    reasoning = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "output": [{"type": "output_text", "text": "1"}]}
    said = answered("a")["output"]
    no = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    parts = [reasoning, call, call, result, *said, {"type": "web_search_call"}, no]
    tool = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert messages_of({"output": parts}, "r") == [
        {"role": "assistant", "content": "", "reasoning": "hm", "tool_calls": [tool, tool]},
        {"role": "tool", "content": "1"},
        {"role": "assistant", "content": "aNo."},
    ]
    assert messages_of({"output": []}, "r") == [{"role": "assistant", "content": ""}]


TYPES = ("message", "reasoning", "function_call", "function_call_output", "output_text", "x")
FIELDS = ("content", "text", "summary", "name", "arguments", "output")
parts_like = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=dict.fromkeys(FIELDS, part))
    ),
    max_leaves=10,
)


@given(st.fixed_dictionaries({"output": st.lists(parts_like, max_size=4)}))
def test_whatever_a_response_holds_is_read_or_refused_by_name(response: dict[str, Any]) -> None:
    wrong = None
    turns: list[dict[str, Any]] = []
    try:
        turns = messages_of(response, "r")
    except InvalidCase as e:
        wrong = e.param
    assert wrong is None or wrong.startswith("r.output[")
    assert (wrong is None) is bool(turns)
    assert all(isinstance(turn["content"], str) for turn in turns)
