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
        name = id_of(row)
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
        name = id_of(row)
        model = row.get("model") or row.get("model_id")
        told = answers_in(row)
        if not isinstance(model, str) or not told:
            raise InvalidCase("an answer has a model, and messages or choices", "model")
        self.answers[model, name] = told[0]

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
        return None if len(said) < turn or len(asked) < turn else talk(asked[:turn], said[:turn])


def talk(asked: Turns, said: Turns) -> Content:
    """An answer; to a later turn the talk from the first answer on, with the questions in between.

    Args:
        asked, said: turn by turn, as many of one as of the other.
    """
    if len(said) == 1:
        return said[0]
    turns = [Message("assistant", said[0])]
    for question, answer in zip(asked[1:], said[1:], strict=True):
        turns += [Message("user", question), Message("assistant", answer)]
    return tuple(turns)


def id_of(row: Any) -> str:
    """The id that such a row gives its question.

    Raises:
        InvalidCase: it gives none.
    """
    name = row.get("uid", row.get("question_id")) if isinstance(row, Mapping) else None
    if not isinstance(name, str | int):
        raise InvalidCase("a row has a uid or a question_id", "uid")
    return str(name)


def answers_in(row: Mapping[str, Any]) -> list[Turns]:
    """A model's answers to one question, turn by turn, in any of the shapes these files have had.

    Returns:
        One answer or several, as there are choices; none where the row holds none that can be read.
    """
    if isinstance(row.get("messages"), list):
        said = [m for m in row["messages"] if isinstance(m, Mapping) and m.get("role") == "assistant"]
        told: list[Any] = [[message.get("content") for message in said]]
    else:
        choices = row.get("choices")
        listed = choices if isinstance(choices, list) else []
        told = [choice.get("turns") if isinstance(choice, Mapping) else None for choice in listed]
    found = [_texts(turns) for turns in told]
    known = [turns for turns in found if turns]
    return known if len(known) == len(found) else []


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
