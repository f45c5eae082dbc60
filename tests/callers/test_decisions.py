"""Clients of the Decisions API, unchanged: OpenAI's and LangChain's."""

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import HumanMessage
from langchain_openai.decisions import Choice, OpenAIDecisions, Predicate, Score
from serving import Served

STATE = "Candidate X says that 7 is a prime number."
QUESTIONS: list[Any] = [
    {"type": "predicate", "name": "right", "instructions": "Is it right? (worth 2)"},
    {
        "type": "choice",
        "name": "kind",
        "instructions": "What is it?",
        "choices": [
            {"value": "claim", "description": "(worth 3)"},
            {"value": "question", "description": "(worth 1)"},
            {"value": "order", "description": "(worth 1)"},
        ],
    },
    {
        "type": "score",
        "name": "quality",
        "instructions": "How good is it?",
        "levels": [{"label": "Poor", "description": "(worth 1)"}, {"label": "Good", "description": "(worth 3)"}],
    },
]
RIGHT, KIND = 0.8808, 0.7870
"""What the emulated judge says: the logistic function of 2; e^2 / (e^2 + 2)."""


def test_openais_client_reads_all_three_kinds_of_answers(service: Served) -> None:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        told = client.decisions.create(model="default", input=STATE, questions=QUESTIONS)
    right, kind, quality = told.answers
    assert right.type == "predicate"
    assert right.probability == pytest.approx(RIGHT, abs=1e-3)
    assert kind.type == "choice"
    assert (kind.choice, kind.probabilities[0].value) == ("claim", "claim")
    assert kind.probabilities[0].probability == pytest.approx(KIND, abs=1e-3)
    assert quality.type == "score"
    assert quality.score == pytest.approx(RIGHT, abs=1e-3)
    assert told.usage.input_tokens > 0


def test_a_bias_to_the_first_shown_changes_nothing(service: Served) -> None:
    service.behave(bias=1.5)

    async def asked() -> Any:
        async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="none") as client:
            messages: list[Any] = [{"role": "user", "content": STATE}]
            return await client.decisions.create(
                model="default", input=messages, questions=QUESTIONS, extra_query={"cache": "bypass"}
            )

    right, kind, _ = asyncio.run(asked()).answers
    assert right.probability == pytest.approx(RIGHT, abs=1e-3)
    assert kind.probabilities[0].probability == pytest.approx(KIND, abs=1e-2)


def test_a_question_without_an_answer_is_a_refusal(service: Served) -> None:
    service.behave(label_mass=0.01)
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        told = client.decisions.create(
            model="default", input=STATE, questions=QUESTIONS[:1], extra_query={"cache": "bypass"}
        )
    assert [answer.type for answer in told.answers] == ["refusal"]


def test_langchains_decisions_are_answered(service: Served) -> None:
    decisions = OpenAIDecisions(model="default", base_url=f"{service.url}/v1", api_key="none")
    asked = {
        "input": [HumanMessage(STATE)],
        "questions": {
            "right": Predicate(instructions="Is it right? (worth 2)"),
            "kind": Choice(instructions="What is it?", choices={"claim": "(worth 3)", "question": "(worth 1)"}),
            "quality": Score(instructions="How good is it?", levels=["Poor (worth 1)", "Good (worth 3)"]),
        },
    }
    told = decisions.invoke(asked)
    assert told.predicates["right"].probability == pytest.approx(RIGHT, abs=1e-3)
    assert told.choices["kind"].choice == "claim"
    assert told.scores["quality"].score == pytest.approx(RIGHT, abs=1e-3)
