"""Plain values, as OpenAI's graders come, become checked graders; and what a judge is asked for those that need one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from judge_service.domain.cases import Content
from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, Inquiry, Option
from judge_service.domain.inquiries import MAX_OPTIONS, listed, state_from, text_in
from judge_service.errors import InvalidCase
from judge_service.grading.formulas import Formula
from judge_service.grading.templates import Sampled, check_slots, filled

_OPERATIONS: Final = ("eq", "ne", "like", "ilike")
_STEPS: Final = 10
_MOST_STEPS: Final = 19
_RULES: Final = ("system", "developer")
_GIVEN: Final = (
    "The state, and the instructions where there are some, are what a grader was given: what to {}, and how."
)
_SCORE: Final = "Going by that, which score does it deserve, from {:g} (the lowest) to {:g} (the highest)?"
_LABEL: Final = "Going by that, which label does it deserve?"
NOT_HERE: Final[Mapping[str, str]] = {
    "python": "python graders are not run here: they are code of the caller's",
    "text_similarity": "text_similarity is not worked out here: which variant of a metric, on which tokens, the shape "
    "does not say; use string_check, or a model grader",
}


@dataclass(frozen=True, slots=True)
class StringCheck:
    """Whether a text is, is not, or holds another: 1 or 0."""

    name: str
    input: str
    reference: str
    operation: Literal["eq", "ne", "like", "ilike"]

    def reward(self, sampled: Sampled, param: str) -> float:
        """1.0 if it is so, else 0.0. `like` and `ilike` look for the reference within the input.

        Raises:
            Ungraded: a slot names nothing.
        """
        one = filled(self.input, sampled, f"{param}.input")
        other = filled(self.reference, sampled, f"{param}.reference")
        if self.operation == "ilike":
            return float(other.casefold() in one.casefold())
        return float({"eq": one == other, "ne": one != other, "like": other in one}[self.operation])


@dataclass(frozen=True, slots=True)
class ModelGrader:
    """A judge's score within a range, or its label.

    Attributes:
        input: the messages a grader is given, with slots.
        labels: of a label grader; empty for a score.
    """

    name: str
    type: Literal["score_model", "label_model"]
    model: str
    input: tuple[Mapping[str, Any], ...]
    range: tuple[float, float] = (0.0, 1.0)
    labels: tuple[str, ...] = ()
    passing: frozenset[str] = frozenset()

    def inquiry(self, sampled: Sampled, param: str) -> Inquiry:
        """What the judge is asked: system and developer messages are instructions, the others the state.

        Raises:
            Ungraded, InvalidCase: naming the field.
        """
        turns = [_filled(turn, sampled, f"{param}.input[{i}]") for i, turn in enumerate(self.input)]
        rules = [turn for turn in turns if turn.get("role") in _RULES]
        shown = [turn for turn in turns if turn.get("role") not in _RULES]
        told = state_from(rules, f"{param}.input") if rules and shown else None
        return Inquiry(state_from(shown or rules, f"{param}.input"), (self._question(),), _joined(told))

    def _question(self) -> DecisionQuestion:
        if self.type == "label_model":
            return DecisionQuestion(
                "choice", f"{_GIVEN.format('label')} {_LABEL}", tuple(map(Option, self.labels)), self.name
            )
        low, high = self.range
        steps = self._steps()
        levels = [Option(f"{low + (high - low) * step / steps:.6g}") for step in range(steps + 1)]
        asked = f"{_GIVEN.format('grade')} {_SCORE.format(low, high)}"
        return DecisionQuestion("score", asked, tuple(levels), self.name)

    def _steps(self) -> int:
        """Whole numbers where the range has a handful of them, else tenths of it."""
        span = self.range[1] - self.range[0]
        return int(span) if span == int(span) and 2 <= span <= _MOST_STEPS else _STEPS

    def reward(self, answer: DecisionAnswer) -> float:
        """The expected score, or 1.0 if the likeliest label passes."""
        if self.type == "label_model":
            return float(self.labels[answer.top] in self.passing)
        low, high = self.range
        return min(high, max(low, low + (high - low) * answer.level / self._steps()))

    def told(self, answer: DecisionAnswer) -> dict[str, Any]:
        """What is known beyond the reward."""
        if self.type != "label_model" or answer.probabilities is None:
            return {}
        probabilities = dict(zip(self.labels, answer.probabilities, strict=True))
        passing = sum(p for label, p in probabilities.items() if label in self.passing)
        return {"label": self.labels[answer.top], "probabilities": probabilities, "passing_probability": passing}


@dataclass(frozen=True, slots=True)
class MultiGrader:
    """Several graders by name, and the formula that makes one reward of theirs."""

    name: str
    graders: Mapping[str, StringCheck | ModelGrader]
    formula: Formula


Grader = StringCheck | ModelGrader | MultiGrader


def grader_from(value: Any, param: str = "grader", inner: bool = False) -> Grader:
    """A checked grader.

    Args:
        inner: whether it stands within another, where none that has others may stand.

    Raises:
        InvalidCase, Ungraded: naming the field.
    """
    if not isinstance(value, Mapping):
        raise InvalidCase("a grader is an object", param)
    kind = value.get("type")
    if isinstance(kind, str) and kind in NOT_HERE:
        raise InvalidCase(NOT_HERE[kind], f"{param}.type")
    if kind == "string_check":
        return _string_check(value, param)
    if kind in ("score_model", "label_model"):
        return _model_grader(value, param)
    if kind == "multi" and not inner:
        return _multi(value, param)
    raise InvalidCase(
        f"type is one of string_check, score_model, label_model, multi; got {kind!r}"[:200], f"{param}.type"
    )


def _string_check(value: Mapping[str, Any], param: str) -> StringCheck:
    operation = value.get("operation")
    if operation not in _OPERATIONS:
        raise InvalidCase(
            f"operation is one of {', '.join(_OPERATIONS)}; got {operation!r}"[:200], f"{param}.operation"
        )
    name, text, reference = (text_in(value, field, param) for field in ("name", "input", "reference"))
    check_slots(text, f"{param}.input")
    check_slots(reference, f"{param}.reference")
    return StringCheck(name, text, reference, operation)


def _model_grader(value: Mapping[str, Any], param: str) -> ModelGrader:
    name, model = text_in(value, "name", param), text_in(value, "model", param)
    turns = listed(value.get("input"), f"{param}.input", 1, 1000)
    for i, turn in enumerate(turns):
        if not isinstance(turn, Mapping):
            raise InvalidCase("a message is an object with role and content", f"{param}.input[{i}]")
        _each_text(turn.get("content"), f"{param}.input[{i}].content", check_slots)
    if value["type"] == "score_model":
        return ModelGrader(name, "score_model", model, tuple(turns), _range(value.get("range"), f"{param}.range"))
    labels = _labels(value.get("labels"), f"{param}.labels", 2)
    passing = _labels(value.get("passing_labels"), f"{param}.passing_labels", 1)
    if not set(passing) <= set(labels):
        raise InvalidCase("passing_labels are some of labels", f"{param}.passing_labels")
    return ModelGrader(name, "label_model", model, tuple(turns), labels=labels, passing=frozenset(passing))


def _range(value: Any, param: str) -> tuple[float, float]:
    if value is None:
        return 0.0, 1.0
    ends = listed(value, param, 2, 2)
    if not all(type(end) in (int, float) and abs(end) < 1e9 for end in ends) or not ends[0] < ends[1]:
        raise InvalidCase("range is two numbers, the lower first", param)
    return float(ends[0]), float(ends[1])


def _labels(value: Any, param: str, least: int) -> tuple[str, ...]:
    labels = listed(value, param, least, MAX_OPTIONS)
    if not all(isinstance(label, str) and label.strip() for label in labels) or len(set(labels)) < len(labels):
        raise InvalidCase(f"{param} are texts, each once", param)
    return tuple(labels)


def _multi(value: Mapping[str, Any], param: str) -> MultiGrader:
    told = value.get("graders")
    if isinstance(told, Mapping) and isinstance(told.get("type"), str):
        # One alone, as the client's own types have it: it goes by its name.
        told = {str(told.get("name")): told}
    if not isinstance(told, Mapping) or not told:
        raise InvalidCase("graders is an object of graders by name", f"{param}.graders")
    graders: dict[str, StringCheck | ModelGrader] = {}
    for name, one in told.items():
        grader = grader_from(one, f"{param}.graders.{name}", inner=True)
        assert not isinstance(grader, MultiGrader)
        graders[name] = grader
    return MultiGrader(
        text_in(value, "name", param), graders, Formula(text_in(value, "calculate_output", param), graders)
    )


def _each_text(content: Any, param: str, see: Any) -> Any:
    """A message's content with each of its texts as `see` leaves it."""
    if isinstance(content, str):
        return see(content, param)
    if isinstance(content, Mapping):
        return {
            name: see(told, f"{param}.{name}") if name in ("text", "image_url") and isinstance(told, str) else told
            for name, told in content.items()
        }
    if isinstance(content, list):
        return [_each_text(part, f"{param}[{i}]", see) for i, part in enumerate(content)]
    return content


def _filled(turn: Mapping[str, Any], sampled: Sampled, param: str) -> dict[str, Any]:
    """A message with its slots filled, in the shape of chat messages: its content is a text or a list of parts."""
    content = _each_text(turn.get("content"), f"{param}.content", lambda text, at: filled(text, sampled, at))
    parts = [content] if isinstance(content, Mapping) else content
    if isinstance(parts, list):
        parts = [{"type": "input_text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"role": turn.get("role"), "content": parts}


def _joined(told: Content | None) -> str | None:
    if told is None or isinstance(told, str):
        return told
    if any(message.images for message in told):
        raise InvalidCase("an image stands in a message of the user's", "grader.input")
    return "\n\n".join(message.content for message in told)
