"""OpenAI's graders by its own client, over real sockets."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from judge_server import JudgeServer, said, tokens
from services import api, served

from judge_service.api.drop_ins.call import IGNORED
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

RUN = "/v1/fine_tuning/alpha/graders/run"
VALIDATE = "/v1/fine_tuning/alpha/graders/validate"
SCORE: dict[str, Any] = {
    "type": "score_model",
    "name": "quality",
    "model": "default",
    "input": [
        {"role": "system", "content": "Grade the answer: 1 is right, 0 is wrong."},
        {"role": "user", "content": [{"type": "input_text", "text": "{{item.question}}\n{{ sample.output_text }}"}]},
    ],
    "sampling_params": {"temperature": 0.2},
}
LABEL: dict[str, Any] = {
    "type": "label_model",
    "name": "verdict",
    "model": "default",
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    "labels": ["good (worth 2)", "fair (worth 1)", "bad (worth 0)"],
    "passing_labels": ["fair (worth 1)", "bad (worth 0)"],
}
SAME = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "ilike",
}
ITEM = {"question": "What is 2+2?", "answer": "FOUR"}


@asynccontextmanager
async def asked(behaviour: dict[str, Any] | None = None) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        Emulator(Behaviour().changed(behaviour or {})) as emulator,
        asked_of(emulator) as client,  # type: ignore[arg-type]
    ):
        yield client


@asynccontextmanager
async def asked_of(judge: JudgeServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        served(judge) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


async def run(client: openai.AsyncOpenAI, grader: dict[str, Any], **told: Any) -> Any:
    grading = client.fine_tuning.alpha.graders
    return await grading.run(grader=grader, model_sample="It is four.", item=ITEM, **told)  # type: ignore[arg-type]


async def test_a_string_check_needs_no_judge(server: JudgeServer) -> None:
    async with asked_of(server) as client:
        before = server.calls
        found = await run(client, SAME)
    assert server.calls == before
    assert (found.reward, found.sub_rewards) == (1.0, {})
    assert (found.metadata.name, found.metadata.type) == ("same", "string_check")
    assert found.metadata.scores == {"same": 1.0}
    flags = found.metadata.errors.to_dict()
    assert len(flags) == 14
    assert not any(flags.values())
    assert found.api_model_grader_token_usage_per_model == {}


@pytest.mark.parametrize("bounds", [[0, 1], [1, 5], [-2, 2]])
async def test_a_score_model_grades_within_its_range_read_both_ways(server: JudgeServer, bounds: list[float]) -> None:
    def rule(told: Any) -> Any:
        """Sure of the highest level, wherever it stands, and leaning to the first."""
        text = told["messages"][-1]["content"]
        shown = [line for line in text.splitlines() if line.replace(".", "").lstrip("-").isdigit()]
        best = max(range(len(shown)), key=lambda place: float(shown[place]))
        weights = [math.exp(3.0 * (place == best)) for place in range(len(shown))]
        return tokens({"ABCDEFGHIJKLMNOP"[i]: weight / sum(weights) for i, weight in enumerate(weights)})

    server.rule = rule
    async with served(server) as url, openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        found = await run(client, {**SCORE, "range": bounds})
    low, high = bounds
    assert low < (low + high) / 2 < found.reward <= high
    assert len(server.asked) == 2
    text = server.asked[0]["messages"][-1]["content"]
    assert text.index("Grade the answer") < text.index("What is 2+2?\nIt is four.") < text.index("[Question")
    assert found.metadata.sampled_model_name == "m"
    assert found.metadata.token_usage == 182
    assert found.api_model_grader_token_usage_per_model["m"]["total_tokens"] == 182
    assert found.metadata.decisions["quality"]["evidence"] == "logprobs"


async def test_a_label_model_passes_by_its_likeliest_label_and_tells_how_likely_a_pass_is() -> None:
    async with asked({"bias": 1.1}) as client:
        found = await run(client, LABEL)
    told = found.metadata.decisions["verdict"]
    total = sum(map(math.exp, (2, 1, 0)))
    assert found.reward == 0.0
    assert told["label"] == "good (worth 2)"
    assert told["passing_probability"] == pytest.approx((math.exp(1) + 1) / total, abs=1e-6)


async def test_several_graders_come_to_one_reward_by_their_formula() -> None:
    multi = {
        "type": "multi",
        "name": "both",
        "graders": {"quality": SCORE, "same": SAME, "label": LABEL},
        "calculate_output": "0.5 * same + quality ^ 2 + max(label, 0)",
    }
    async with asked() as client:
        found = await run(client, multi)
    assert found.sub_rewards.keys() == {"quality", "same", "label"}
    assert found.reward == pytest.approx(0.5 + found.sub_rewards["quality"] ** 2)
    assert found.metadata.decisions.keys() == {"quality", "label"}


async def test_one_grader_of_many_as_the_clients_types_have_it() -> None:
    multi = {"type": "multi", "name": "m", "graders": SAME, "calculate_output": "1 - same"}
    async with asked() as client:
        assert (await run(client, multi)).reward == 0.0


@pytest.mark.parametrize(
    ("grader", "param", "code"),
    [
        ({**SAME, "input": "{{item.nothing}}"}, "grader.input", "invalid_variable_error"),
        ({**SAME, "input": "{{elsewhere}}"}, "grader.input", "invalid_variable_error"),
        ({**SAME, "input": "{{sample.output_json.x}}"}, "grader.input", "sample_parse_error"),
        ({**SAME, "operation": "neq"}, "grader.operation", "invalid_value"),
        ({**SCORE, "model": "gpt-5"}, "model", "not_found"),
        ({"type": "python", "name": "p", "source": "def grade(): 1"}, "grader.type", "invalid_value"),
        (
            {"type": "multi", "name": "m", "graders": {"a": SAME}, "calculate_output": "a / 0"},
            "grader.calculate_output",
            "other_error",
        ),
        (
            {"type": "multi", "name": "m", "graders": {"a": SAME}, "calculate_output": "open('x')"},
            "grader.calculate_output",
            "formula_parse_error",
        ),
    ],
)
async def test_what_is_wrong_is_named(grader: dict[str, Any], param: str, code: str) -> None:
    async with asked() as client:
        with pytest.raises(openai.APIStatusError) as raised:
            await run(client, grader)
    assert raised.value.status_code == (404 if code == "not_found" else 400)
    assert (raised.value.param, raised.value.code) == (param, code)


async def test_a_model_of_the_clients_own_is_served_where_the_query_names_the_judge() -> None:
    async with asked() as client:
        found = await run(client, {**SCORE, "model": "gpt-5"}, extra_query={"judge": "default"})
    assert 0 <= found.reward <= 1


FAILED = {
    "refused": (lambda told: said(None, refusal="No."), "model_grader_refusal_error"),
    "unmeant": (lambda told: tokens({"A": 0.1, "X": 0.9}), "model_grader_parse_error"),
}


@pytest.mark.parametrize("how", FAILED)
async def test_a_grade_that_did_not_come_is_an_error_or_the_number_asked_for_and_flagged(
    server: JudgeServer, how: str
) -> None:
    server.rule, flag = FAILED[how]
    body = {"grader": SCORE, "model_sample": "x", "item": ITEM}
    async with api(server) as client:
        failed = await client.post(RUN, json=body)
        instead = await client.post(f"{RUN}?on_failure=-1", json=body)
    assert (failed.status_code, failed.json()["error"]["code"]) == (503, flag)
    assert failed.headers["x-should-retry"] == "false"
    told = instead.json()
    assert (instead.status_code, told["reward"]) == (200, -1.0)
    assert [name for name, is_so in told["metadata"]["errors"].items() if is_so is True] == [flag]
    assert instead.headers["x-judge-unscored"] == "1"


async def test_a_judge_that_is_down_is_503_to_try_again() -> None:
    async with asked({"f503": 1.0}) as client:
        with pytest.raises(openai.InternalServerError) as raised:
            await run(client, SCORE, extra_query={"timeout": "0.3"})
    assert raised.value.status_code in (503, 504)
    assert "retry-after" in raised.value.response.headers
    assert "x-should-retry" not in raised.value.response.headers


async def test_graders_are_checked_without_being_run(server: JudgeServer) -> None:
    async with asked_of(server) as client:
        before = server.calls
        grading = client.fine_tuning.alpha.graders
        found: Any = await grading.validate(grader=SCORE)  # type: ignore[arg-type]
        assert (found.grader.type, found.grader.name) == ("score_model", "quality")
        with pytest.raises(openai.BadRequestError) as raised:
            await grading.validate(grader={"type": "text_similarity", "name": "t"})  # type: ignore[arg-type, typeddict-item]
    assert raised.value.param == "grader.type"
    assert server.calls == before


async def test_what_is_not_read_is_named() -> None:
    async with api(None) as client:
        answer = await client.post(RUN, json={"grader": SAME, "model_sample": "x", "item": ITEM, "reference_answer": 1})
        missing = await client.post(VALIDATE, json={})
    assert answer.headers[IGNORED] == "reference_answer"
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "grader")
