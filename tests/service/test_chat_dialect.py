"""Servers that take less than OpenAI's: what one refuses is noticed once, and left out from then on."""

import logging

import pytest
from judge_server import JudgeServer, error, said, tokens
from questions import answer_to, asking, over_both_wires, question

from judge_service.backends.base import Terms

EVEN = {"A": 0.5, "B": 0.5}
REFUSALS = {
    "logprobs": ("logprobs are not supported by this model", lambda asked: "logprobs" in asked),
    "temperature": ("Unsupported value: 'temperature' does not support 0", lambda asked: "temperature" in asked),
    "max_tokens": ("Unsupported parameter: 'max_tokens'", lambda asked: "max_tokens" in asked),
    "top_logprobs": ("top_logprobs: at most 5", lambda asked: asked.get("top_logprobs", 0) > 5),
    "sample logprobs": (
        "Requested sample logprobs of 20, which is greater than max allowed: 5",
        lambda asked: asked.get("top_logprobs", 0) > 5,
    ),
}
refusals = pytest.mark.parametrize("refused", list(REFUSALS))


def refuse(server: JudgeServer, *names: str) -> None:
    server.refuses = dict(REFUSALS[name] for name in names)
    server.rule = lambda asked: tokens(EVEN) if asked.get("logprobs") else said("A")


def notices(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


@over_both_wires
@refusals
async def test_a_refused_field_is_left_out_from_then_on_and_noticed_once(
    server: JudgeServer, wire: str, refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(server, refused)
    async with asking(server, wire) as judge:
        answers = [await answer_to(judge) for _ in range(3)]
    assert [answer.failure for answer in answers] == [None, None, None]
    assert server.calls == 4
    assert len(notices(caplog)) == 1


@pytest.mark.parametrize("refused", ["temperature", "max_tokens", "top_logprobs", "sample logprobs"])
async def test_log_probabilities_are_kept_when_something_else_is_refused(server: JudgeServer, refused: str) -> None:
    refuse(server, refused)
    async with asking(server) as judge:
        answer = await answer_to(judge)
    assert answer.probabilities == pytest.approx(EVEN)


async def test_a_server_without_max_tokens_is_sent_max_completion_tokens(server: JudgeServer) -> None:
    refuse(server, "max_tokens")
    async with asking(server) as judge:
        await answer_to(judge, question(max_tokens=7))
    assert server.asked[-1]["max_completion_tokens"] == 7


async def test_a_server_with_five_alternatives_at_most_is_asked_for_five(server: JudgeServer) -> None:
    refuse(server, "top_logprobs")
    async with asking(server) as judge:
        await answer_to(judge)
    assert [asked["top_logprobs"] for asked in server.asked] == [20, 5]


async def test_all_of_them_at_once_are_noticed_one_by_one(
    server: JudgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(server, "top_logprobs", "logprobs", "temperature", "max_tokens")
    async with asking(server) as judge:
        answers = [await answer_to(judge) for _ in range(2)]
    assert [answer.text for answer in answers] == ["A", "A"]
    assert server.calls == 4 + 2
    assert len(notices(caplog)) == 4


@refusals
async def test_of_many_calls_in_flight_none_fails_and_the_refusal_is_noticed_once(
    server: JudgeServer, refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(server, refused)
    async with asking(server, most=16) as judge:
        answers = await judge.complete([question(candidate=str(i)) for i in range(16)], Terms())
    assert [answer.failure for answer in answers] == [None] * 16
    assert len(notices(caplog)) == 1
    assert all((answer.probabilities is None) == (refused == "logprobs") for answer in answers)


@over_both_wires
@pytest.mark.parametrize("status", [400, 422])
async def test_a_request_refused_for_another_reason_is_not_asked_again(
    server: JudgeServer, wire: str, status: int
) -> None:
    server.rule = lambda asked: error(status, "messages must alternate")
    async with asking(server, wire) as judge:
        failure = (await answer_to(judge)).failure
    assert failure is not None
    assert (failure.kind, server.calls) == ("judge_error", 1)
    assert "messages must alternate" in failure.message


@over_both_wires
@pytest.mark.parametrize(
    "told",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
        "'max_tokens' is too large: 1. This model's maximum context length is 4096 tokens and your request has 4096",
        "the input_tokens exceed the limit",
    ],
)
async def test_a_prompt_that_does_not_fit_is_too_long_and_not_asked_again(
    server: JudgeServer, wire: str, told: str
) -> None:
    server.rule = lambda asked: error(400, told)
    async with asking(server, wire) as judge:
        failure = (await answer_to(judge)).failure
    assert failure is not None
    assert (failure.kind, server.calls) == ("too_long", 1)
