"""What promptfoo posts, as its pages on its providers have it: it is a program for Node, and not installed here."""

from typing import Any

import httpx
import pytest
from serving import Served

QUESTIONS = [
    {"type": "predicate", "name": "answers", "instructions": "Does the reply answer what was asked? (worth 2)"},
    {
        "type": "score",
        "name": "quality",
        "instructions": "How good is it?",
        "levels": [{"label": "Poor"}, {"label": "Good"}],
    },
]
RUBRIC = [
    {
        "role": "system",
        "content": "You are grading output according to a rubric. Answer with JSON: reason, score, pass.",
    },
    {"role": "user", "content": "<Output>\n7\n</Output>\n<Rubric>\nNames a prime number.\n</Rubric>"},
]


def posted(service: Served, path: str, body: dict[str, Any]) -> Any:
    headers = {"authorization": "Bearer none", "content-type": "application/json"}
    answer = httpx.post(f"{service.url}/v1{path}", json={"model": "default", **body}, headers=headers, timeout=30)
    return answer.raise_for_status().json()


def test_its_provider_of_decisions_is_answered(service: Served) -> None:
    told = posted(service, "/decisions", {"input": "Prompt: a prime?\nReply: 7", "questions": QUESTIONS})
    first, second = told["answers"]
    assert (first["name"], first["probability"]) == ("answers", pytest.approx(0.8808, abs=1e-3))
    assert [level["label"] for level in second["probabilities"]] == ["Poor", "Good"]


def test_its_llm_rubric_chats_with_the_judges_model(service: Served) -> None:
    told = posted(service, "/chat/completions", {"messages": RUBRIC, "temperature": 0, "max_tokens": 1024})
    own = httpx.post(f"{service.judge}/chat/completions", json={"model": "m", "messages": RUBRIC, "temperature": 0})
    assert told["choices"][0]["message"]["content"] == own.json()["choices"][0]["message"]["content"]
    assert told["usage"]["prompt_tokens"] > 0
