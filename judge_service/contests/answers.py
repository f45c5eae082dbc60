"""A model's answers to a benchmark's prompts, in the shapes that evaluations keep them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from judge_service.batch.rows import ID_NAMES, PROMPT_NAMES
from judge_service.domain.cases import Content, Message
from judge_service.domain.frozen import frozen
from judge_service.domain.parsing import content_from
from judge_service.errors import InvalidCase, InvalidRequest
from judge_service.files.reading import Row, rows_of
from judge_service.imports.joined import Texts, Turns, answers_in, id_of, talk

_OUTPUTS: Final = ("output", "response", "completion", "answer")
_MODELS: Final = ("generator", "model", "model_id")
_DOMAINS: Final = ("domain", "category", "dataset")
_BEFORE: Final = ("system", "developer")
_COUNT: Final = 60


@frozen
class Answer:
    """One answer to one prompt.

    Attributes:
        where: it stands, for messages.
        id: of the prompt, where its row gives one.
        content: None where the row says that there is none (null).
        model: as its row names it; "" where it does not.
    """

    where: str
    id: str | None
    prompt: Content
    content: Content | None
    model: str
    domain: str | None


@frozen
class Answers:
    """All answers of one model, in the order of its file."""

    path: str
    model: str
    answers: tuple[Answer, ...]


def answers_of(path: str, questions: Texts, fields: Mapping[str, str], model: str = "") -> Answers:
    """The answers that a file holds: AlpacaEval's outputs, Arena-Hard's or MT-Bench's answers, or plain rows.

    Args:
        questions: what was asked, by id, for files that do not say.
        fields: columns named by the caller, by field: prompt, response, id or domain.
        model: whose answers, if the file holds those of several; what to call it, if the file does not; "" for any.

    Raises:
        InvalidRequest: a row is no answer, or there is none, or they are of several models; the message says where.
    """
    found: list[Answer] = []
    for row in rows_of(path):
        try:
            found += _read(row, questions, fields)
        except InvalidCase as e:
            raise InvalidRequest(f"{row.where}: {e.message}", e.param) from None
    if not found:
        raise InvalidRequest(f"{path}: there is no answer")
    names = sorted({answer.model for answer in found})
    if model and names != [""]:
        found = [answer for answer in found if answer.model == model]
        if not found:
            raise InvalidRequest(f"{path} holds no answers of {model}, but of {_some(names)}")
    elif len(names) > 1:
        raise InvalidRequest(f"{path} holds answers of several models ({_some(names)}): name one")
    return Answers(path, model or names[0] or Path(path).name.split(".")[0], tuple(found))


def _read(row: Row, questions: Texts, fields: Mapping[str, str]) -> list[Answer]:
    value = row.value
    if row.error is not None:
        raise InvalidCase(row.error)
    if not isinstance(value, Mapping):
        raise InvalidCase("an answer is an object with a prompt and an output")
    if "choices" in value or ("messages" in value and not _first(value, _OUTPUTS)):
        return _of_benchmark(row.where, value, questions)
    return [_plain(row.where, value, questions, fields)]


def _of_benchmark(where: str, row: Mapping[str, Any], questions: Texts) -> list[Answer]:
    """Arena-Hard's and MT-Bench's answers: the last turn is judged, with the turns before as each model had them."""
    name = id_of(row)
    said = answers_in(row)
    if not said:
        raise InvalidCase("an answer has messages, or choices with turns", "choices")
    asked, opening = _asked(row)
    asked = questions.questions.get(name, asked)
    if asked is None:
        raise InvalidCase(f"what was asked as '{name}' is not known: give --questions question.jsonl", "questions")
    if any(len(turns) > len(asked) for turns in said):
        raise InvalidCase(f"'{name}' has more answers than questions", "choices")
    prompt: Content = (*opening, Message("user", asked[0])) if opening else asked[0]
    domain = questions.domains.get(name) or _text(row, _DOMAINS) or None
    model = _text(row, _MODELS)
    return [Answer(where, name, prompt, talk(asked[: len(turns)], turns), model, domain) for turns in said]


def _asked(row: Mapping[str, Any]) -> tuple[Turns | None, tuple[Message, ...]]:
    """What the row itself says was asked, turn by turn, and what stood before it."""
    told = row.get("messages")
    listed = [m for m in told if isinstance(m, Mapping) and m.get("role") != "assistant"] if told else []
    messages = content_from(listed, "messages") if listed else ()
    talked = messages if isinstance(messages, tuple) else ()
    asked = tuple(message.content for message in talked if message.role == "user")
    return asked or None, tuple(message for message in talked[:1] if message.role in _BEFORE)


def _plain(where: str, row: Mapping[str, Any], questions: Texts, fields: Mapping[str, str]) -> Answer:
    name = next((row[n] for n in ([fields["id"]] if "id" in fields else ID_NAMES) if row.get(n) is not None), None)
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
        raise InvalidCase(f"an id is a text or a number; got {name!r}"[:200], "id")
    own = None if name is None else str(name)
    prompt = _content(row, "prompt", [fields["prompt"]] if "prompt" in fields else PROMPT_NAMES)
    if prompt is None:
        prompt = questions.prompt(own or "")
    if prompt is None:
        raise InvalidCase(f"there is no prompt ({', '.join(PROMPT_NAMES)}; or --questions by its id)", "prompt")
    names = [fields["response"]] if "response" in fields else _OUTPUTS
    if not any(told in row for told in names):
        raise InvalidCase(f"there is no output ({', '.join(names)})", "output")
    domain = _text(row, [fields["domain"]] if "domain" in fields else _DOMAINS)
    return Answer(
        where, own, prompt, _content(row, "output", names), _text(row, _MODELS),
        domain or questions.domains.get(own or "") or None,
    )  # fmt: skip


def _content(row: Mapping[str, Any], field: str, names: Sequence[str]) -> Content | None:
    found = _first(row, names)
    return None if found is None else content_from(row[found], found if found in names else field)


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if row.get(name) is not None), None)


def _text(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((row[name] for name in names if isinstance(row.get(name), str)), "")


def _some(names: Sequence[str]) -> str:
    told = ", ".join(name or "nobody named" for name in names)
    return told if len(told) <= _COUNT else told[: _COUNT - 1] + "…"
