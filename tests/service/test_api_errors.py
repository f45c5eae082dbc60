"""What the API refuses, and how: OpenAI's error object, the right status, and the field that is at fault."""

import asyncio
from typing import Any

import httpx
import pytest
from judge_server import JudgeServer, by_worth, error, tokens
from services import ONE, PAIR, RUBRIC, api


def told(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The error in an answer of that status, in OpenAI's shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["x-request-id"]
    (name, error_object), *rest = answer.json().items()
    assert (name, rest) == ("error", [])
    assert error_object.keys() == {"message", "type", "param", "code"}
    assert error_object["message"]
    return dict(error_object)


BODIES = {
    "nothing": b"",
    "broken JSON": b'{"prompt": ',
    "a list": b"[1, 2]",
    "a word": b'"compare"',
    "NaN": b'{"prompt": "p", "candidates": ["x", "y"], "temperature": NaN}',
    "no UTF-8": b'{"prompt": "\xff\xfe", "candidates": ["x", "y"]}',
    "too deep": b'{"metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "too deep to be written": b'{"metadata": '
    + b"[" * 260
    + b"]" * 260
    + b', "prompt": "p", "candidates": ["x", "y"]}',
    "too deep, and no text": b'{"metadata": ' + b"[" * 900 + b"]" * 900 + b', "prompt": "\\ud800"}',
}


@pytest.mark.parametrize("body", list(BODIES))
async def test_a_body_that_is_no_json_object_is_400(server: JudgeServer, body: str) -> None:
    async with api(server) as client:
        refused = told(await client.post("/v1/compare", content=BODIES[body]), 400)
    assert (refused["type"], refused["param"]) == ("invalid_request_error", None)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no prompt": ("compare", {"candidates": ["x", "y"]}, "prompt"),
    "prompt of a wrong type": ("compare", {**PAIR, "prompt": 7}, "prompt"),
    "an empty conversation": ("compare", {**PAIR, "prompt": []}, "prompt"),
    "a message without role": ("compare", {**PAIR, "prompt": [{"content": "x"}]}, "prompt[0].role"),
    "an image": ("compare", {**PAIR, "prompt": [{"role": "user", "content": [{"type": "image_url"}]}]},
                 "prompt[0].content[0]"),
    "no candidates": ("compare", {"prompt": "p"}, "candidates"),
    "one candidate": ("compare", {"prompt": "p", "candidates": ["x"]}, "candidates"),
    "three candidates": ("compare", {**PAIR, "candidates": ["x", "y", "z"]}, "candidates"),
    "an empty list": ("score", {"prompt": "p", "candidates": []}, "candidates"),
    "one to rank": ("rank", {"prompt": "p", "candidates": ["x"]}, "candidates"),
    "a response to compare": ("compare", {"prompt": "p", "response": "x"}, "response"),
    "candidates and response": ("score", {**ONE, "candidates": ["x"]}, "response"),
    "an unknown field of a candidate": ("compare", {**PAIR, "candidates": [{"content": "x", "age": 1}, "y"]},
                                        "candidates[0].age"),
    "a candidate named tie": ("compare", {**PAIR, "candidates": [{"id": "tie", "content": "x"}, "y"]},
                              "candidates[0].id"),
    "metadata of a wrong type": ("compare", {**PAIR, "metadata": [1]}, "metadata"),
    "no cases": ("compare", {"cases": []}, "cases"),
    "cases of a wrong type": ("compare", {"cases": {"a": 1}}, "cases"),
    "cases and a case": ("compare", {**PAIR, "cases": [PAIR]}, "prompt"),
    "unknown option": ("compare", {**PAIR, "colour": "red"}, "colour"),
    "option of another task": ("score", {**ONE, "strategy": "pairs"}, "strategy"),
    "orders": ("compare", {**PAIR, "orders": "sideways"}, "orders"),
    "orders of another task": ("compare", {**PAIR, "orders": "design"}, "orders"),
    "method": ("compare", {**PAIR, "method": 1}, "method"),
    "repeats": ("compare", {**PAIR, "repeats": 0}, "repeats"),
    "repeats.max": ("compare", {**PAIR, "repeats": {"max": True}}, "repeats.max"),
    "repeats of what is not drawn": ("compare", {**PAIR, "repeats": 3}, "repeats"),
    "repeats in general": ("compare", {**PAIR, "repeats": {"most": 2}}, "repeats.most"),
    "escalate": ("compare", {**PAIR, "escalate": {"to": "cot"}}, "escalate.below"),
    "escalate elsewhere": ("score", {**ONE, "escalate": {"to": "cot", "below": 0.8}}, "escalate"),
    "truncate": ("compare", {**PAIR, "truncate": {"candidate_tokens": 1}}, "truncate.candidate_tokens"),
    "temperature": ("compare", {**PAIR, "temperature": -1}, "temperature"),
    "max_tokens": ("compare", {**PAIR, "max_tokens": 1.5}, "max_tokens"),
    "seed": ("compare", {**PAIR, "seed": "x"}, "seed"),
    "timeout": ("compare", {**PAIR, "timeout": 0}, "timeout"),
    "cache": ("compare", {**PAIR, "cache": "maybe"}, "cache"),
    "include": ("compare", {**PAIR, "include": ["all"]}, "include"),
    "a judge twice": ("compare", {**PAIR, "judge": ["default", "default"]}, "judge"),
    "no judge": ("compare", {**PAIR, "judge": []}, "judge"),
    "reading": ("compare", {**PAIR, "reading": "tea-leaves"}, "reading"),
    "a reading that cannot": ("score", {**ONE, "method": "cot", "reading": "arena-hard"}, "reading"),
    "principle of a rubric": ("compare", {**PAIR, "principle": "sample"}, "principle"),
    "unknown principle": ("compare", {**PAIR, "rubric": "general", "principle": "no-such"}, "principle"),
    "an inline rubric": ("compare", {**PAIR, "rubric": {"criteria": []}}, "rubric"),
    "a rubric of a wrong type": ("compare", {**PAIR, "rubric": 5}, "rubric"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(WRONG))
async def test_what_is_wrong_with_one_case_or_an_option_is_400_and_names_the_field(
    server: JudgeServer, what: str
) -> None:
    task, body, param = WRONG[what]
    async with api(server) as client:
        refused = told(await client.post(f"/v1/{task}", json=body), 400)
    assert refused["param"] == param
    assert server.calls == 0


async def test_an_option_that_is_wrong_fails_the_request_of_many(server: JudgeServer) -> None:
    async with api(server) as client:
        refused = told(await client.post("/v1/compare", json={"cases": [PAIR], "orders": "sideways"}), 400)
    assert (refused["param"], server.calls) == ("orders", 0)


@pytest.mark.parametrize(
    ("options", "param"),
    [({"rubric": "no-such"}, "rubric"), ({"rubric": "honesty@99"}, "rubric"), ({"judge": "nobody"}, "judge"),
     ({"judge": ["default", "nobody"]}, "judge"), ({"escalate": {"to": "nobody", "below": 0.8}}, "judge")],
)  # fmt: skip
async def test_an_unknown_rubric_or_judge_is_404(server: JudgeServer, options: Any, param: str) -> None:
    async with api(server) as client:
        refused = told(await client.post("/v1/compare", json={**PAIR, **options}), 404)
    assert (refused["type"], refused["param"], refused["code"]) == ("not_found_error", param, "not_found")


async def test_a_path_or_a_method_that_is_not_there_has_an_error_object_too(server: JudgeServer) -> None:
    async with api(server) as client:
        told(await client.get("/v1/no-such"), 404)
        told(await client.get("/v1/compare"), 405)


async def test_a_direct_question_to_a_judge_that_always_thinks_is_400(server: JudgeServer) -> None:
    async with api(server, thinking="always") as client:
        refused = told(await client.post("/v1/compare", json={**PAIR, "method": "direct"}), 400)
    assert refused["param"] == "method"


@pytest.mark.parametrize("length", ["told", "untold"])
async def test_a_body_that_is_too_large_is_413(server: JudgeServer, length: str) -> None:
    body = b'{"prompt": "' + b"x" * 5000 + b'"}'

    async def chunks() -> Any:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with api(server, more={"server": {"max_body_bytes": 4096}}) as client:
        content = body if length == "told" else chunks()
        assert told(await client.post("/v1/compare", content=content), 413)["code"] == "body_too_large"


async def test_too_many_cases_are_413(server: JudgeServer) -> None:
    async with api(server, more={"server": {"max_cases": 2}}) as client:
        refused = told(await client.post("/v1/compare", json={"cases": [PAIR] * 3}), 413)
    assert (refused["param"], refused["code"], server.calls) == ("cases", "too_many_cases", 0)


async def test_a_judge_that_is_down_for_every_case_is_503_with_retry_after(server: JudgeServer) -> None:
    server.rule = lambda asked: error(503, "gone", retry_after="0")
    async with api(server) as client:
        one, many = await asyncio.gather(
            client.post("/v1/compare", json=PAIR),
            client.post("/v1/compare", json={"cases": [PAIR, {**PAIR, "prompt": "p"}]}),
        )
    for answer in (one, many):
        refused = told(answer, 503)
        assert (refused["type"], refused["code"]) == ("service_unavailable_error", "judge_unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_a_judge_that_is_down_for_some_cases_is_told_at_their_places(server: JudgeServer) -> None:
    gone = error(503, "gone", retry_after="0")
    server.rule = lambda asked: gone if "bad" in str(asked["messages"]) else by_worth(asked)
    async with api(server) as client:
        answer = await client.post("/v1/compare", json={"cases": [PAIR, {**PAIR, "prompt": "bad"}]})
    assert answer.status_code == 200
    good, bad = answer.json()["data"]
    assert (good["status"], bad["status"]) == ("judged", "unscored")
    assert bad["failure"]["kind"] == "judge_unavailable"


async def test_a_deadline_with_nothing_finished_is_504(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.rule = lambda asked: tokens({"A": 1.0}, waits=never)
    async with api(server) as client:
        answers = await asyncio.gather(
            client.post("/v1/compare", json={**PAIR, "timeout": 0.2}),
            client.post("/v1/compare", json={"cases": [PAIR, PAIR], "timeout": 0.2}),
        )
        never.set()
    for answer in answers:
        assert told(answer, 504)["type"] == "timeout_error"


async def test_a_case_that_lacks_what_the_rubric_takes_is_400_alone_and_invalid_among_many(
    server: JudgeServer,
) -> None:
    rubric = {**RUBRIC, "takes": ["prompt", "candidates", "reference"]}
    async with api(server) as client:
        assert told(await client.post("/v1/compare", json={**PAIR, "rubric": rubric}), 400)["param"] == "reference"
        cases = [{**PAIR, "id": "1", "metadata": {"n": 1}}, {**PAIR, "id": "2", "reference": "7"}]
        answer = await client.post("/v1/compare", json={"rubric": rubric, "cases": cases})
    lacking, good = answer.json()["data"]
    assert (lacking["status"], lacking["failure"]["param"]) == ("unscored", "cases[0].reference")
    assert lacking["metadata"] == {"n": 1}
    assert good["status"] == "judged"
