"""Questions and answers of benchmarks that keep them in files of their own, beside their judgments."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_service.domain.cases import Content, Message
from judge_service.errors import InvalidCase

Turns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """What was asked, and what each model answered, turn by turn.

    Attributes:
        questions: by id.
        answers: by model and id of the question.
        domains: the questions' categories, by id.
        baseline: the model that a benchmark compares with, where its judgments leave it unnamed.
    """

    questions: MutableMapping[str, Turns] = field(default_factory=dict)
    answers: MutableMapping[tuple[str, str], Turns] = field(default_factory=dict)
    domains: MutableMapping[str, str] = field(default_factory=dict)
    baseline: str | None = None

    def add_question(self, row: Any) -> None:
        """A row of `question.jsonl`: `prompt`, or `turns`.

        Raises:
            InvalidCase: it is none.
        """
        name = _id(row)
        turns = _texts(row["turns"]) if "turns" in row else _texts([row.get("prompt")])
        if turns is None:
            raise InvalidCase("a question has a prompt, or turns", "prompt")
        self.questions[name] = turns
        if isinstance(row.get("category"), str):
            self.domains[name] = row["category"]

    def add_answer(self, row: Any) -> None:
        """A row of `model_answer/MODEL.jsonl`: `messages`, or `choices` with turns.

        Raises:
            InvalidCase: it is none.
        """
        name = _id(row)
        model = row.get("model") or row.get("model_id")
        turns = _texts(_answered(row))
        if not isinstance(model, str) or not turns:
            raise InvalidCase("an answer has a model, and messages or choices", "model")
        self.answers[model, name] = turns

    def prompt(self, name: str) -> str | None:
        """What was asked first."""
        turns = self.questions.get(name)
        return turns[0] if turns else None

    def answer(self, model: str | None, name: str, turn: int = 1) -> Content | None:
        """A model's answer; to a later turn the talk from its first answer on. None where it is not known.

        Args:
            turn: from 1.
        """
        asked, said = self.questions.get(name, ()), self.answers.get((model or "", name), ())
        if len(said) < turn or len(asked) < turn:
            return None
        if turn == 1:
            return said[0]
        talk = [Message("assistant", said[0])]
        for question, answer in zip(asked[1:turn], said[1:turn], strict=True):
            talk += [Message("user", question), Message("assistant", answer)]
        return tuple(talk)


def _id(row: Any) -> str:
    name = row.get("uid", row.get("question_id")) if isinstance(row, Mapping) else None
    if not isinstance(name, str | int):
        raise InvalidCase("a row has a uid or a question_id", "uid")
    return str(name)


def _answered(row: Mapping[str, Any]) -> Any:
    """What the model said, turn by turn, in any of the shapes these files have had."""
    if isinstance(row.get("messages"), list):
        said = [m for m in row["messages"] if isinstance(m, Mapping) and m.get("role") == "assistant"]
        return [message.get("content") for message in said]
    choices = row.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("turns") if isinstance(first, Mapping) else None


def _texts(told: Any) -> Turns | None:
    """The turns as texts; Arena-Hard has them in objects."""
    if not isinstance(told, Sequence) or isinstance(told, str):
        return None
    texts = [_text(turn) for turn in told]
    known = tuple(text for text in texts if text is not None)
    return known if len(known) == len(texts) else None


def _text(turn: Any) -> str | None:
    if isinstance(turn, Mapping):
        turn = turn.get("answer", turn.get("content"))
    return turn if isinstance(turn, str) else None
