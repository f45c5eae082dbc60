"""Two models' answers to the same prompts become the cases that a judge is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from judge_service.contests.answers import Answer, Answers
from judge_service.domain.cases import plain
from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.files.reading import Row

BASELINE: Final = "baseline"
MODEL: Final = "model"
"""Names of a case's candidates: the baseline's answer comes first, as in AlpacaEval's annotations."""
_NAMED: Final = 3
_SHORT: Final = 12


@frozen
class Paired:
    """The cases of a contest.

    Attributes:
        rows: in the order of the model's file.
        samples: answers that each model gave to a prompt; 0 where prompts differ in that.
        told: what was left out, in words.
    """

    rows: tuple[Row, ...]
    model: str
    baseline: str
    samples: int
    told: tuple[str, ...] = ()


def paired(model: Answers, baseline: Answers, allow_missing: bool = False) -> Paired:
    """Each answer of the model beside the baseline's to the same prompt, the k-th beside the k-th.

    Prompts are joined by their ids where all answers have one and the files share any, else by their texts.

    Args:
        allow_missing: whether prompts that only one of them answered are left out; else they are refused, as what a
            model does not answer is not chance.

    Raises:
        InvalidRequest: no prompt is answered by both; a prompt has another text in the other file, or more answers
            than there; or one is missing. The message names it.
    """
    model, baseline = _told_apart(model, baseline)
    ours, theirs = (_by_prompt(answers, _joined_by_id(model, baseline)) for answers in (model, baseline))
    common = [key for key in ours if key in theirs]
    if not common:
        raise InvalidRequest(f"{model.path} and {baseline.path} have no prompt in common")
    told = [
        *_missing(ours, theirs, baseline.path, allow_missing),
        *_missing(theirs, ours, model.path, allow_missing),
    ]
    rows: list[Row] = []
    for key in common:
        _check_same(key, ours[key], theirs[key])
        pairs = list(zip(ours[key], theirs[key], strict=True))
        rows += [_row(key, k, len(pairs), own, other, model, baseline) for k, (own, other) in enumerate(pairs)]
    counts = {len(ours[key]) for key in common}
    return Paired(tuple(rows), model.model, baseline.model, counts.pop() if len(counts) == 1 else 0, tuple(told))


def _told_apart(model: Answers, baseline: Answers) -> tuple[Answers, Answers]:
    """The same, with their files' names behind those of the models if these are one."""
    if model.model != baseline.model:
        return model, baseline
    named = [Answers(a.path, f"{a.model} ({Path(a.path).name})", a.answers) for a in (model, baseline)]
    if named[0].model == named[1].model:
        raise InvalidRequest(f"{model.path} and {baseline.path} are both answers of {model.model}: nothing to compare")
    return named[0], named[1]


def _joined_by_id(model: Answers, baseline: Answers) -> bool:
    ids = [{answer.id for answer in answers.answers} for answers in (model, baseline)]
    return None not in ids[0] | ids[1] and bool(ids[0] & ids[1])


def _by_prompt(answers: Answers, by_id: bool) -> dict[str, list[Answer]]:
    """The answers of each prompt that has any."""
    found: dict[str, list[Answer]] = {}
    for answer in answers.answers:
        if answer.content is not None:
            key = answer.id if by_id and answer.id is not None else _name(answer)
            found.setdefault(key, []).append(answer)
    return found


def _name(answer: Answer) -> str:
    return digest(plain(answer.prompt)).removeprefix("sha256:")[:_SHORT]


def _missing(
    here: Mapping[str, Sequence[Answer]], there: Mapping[str, object], path: str, allow_missing: bool
) -> list[str]:
    lacking = [answers[0] for key, answers in here.items() if key not in there]
    if not lacking:
        return []
    named = "; ".join(map(_shown, lacking[:_NAMED])) + ("; …" if len(lacking) > _NAMED else "")
    what = f"{path} answers {len(lacking):,} of {len(here):,} prompts not: {named}"
    if not allow_missing:
        raise InvalidRequest(f"{what} (--allow-missing leaves them out)")
    return [what]


def _shown(answer: Answer) -> str:
    prompt = answer.prompt if isinstance(answer.prompt, str) else answer.prompt[-1].content
    words = " ".join(prompt.split())
    shown = repr(words if len(words) <= 40 else words[:39] + "…")
    return shown if answer.id is None else f"'{answer.id}' {shown}"


def _check_same(key: str, ours: Sequence[Answer], theirs: Sequence[Answer]) -> None:
    first = ours[0]
    for answer in (*ours, *theirs):
        if answer.prompt != first.prompt:
            raise InvalidRequest(f"{answer.where}: prompt '{key}' has another text than in {first.where}")
    if len(ours) != len(theirs):
        more, fewer = (ours, theirs) if len(ours) > len(theirs) else (theirs, ours)
        raise InvalidRequest(
            f"{more[-1].where}: answer {len(more)} to {_shown(more[0])}, where the other file has {len(fewer)}"
        )


def _row(key: str, k: int, of: int, own: Answer, other: Answer, model: Answers, baseline: Answers) -> Row:
    """A pair as the row of a file of cases; its id tells the models too, so that contests may lie in one file."""
    assert own.content is not None
    assert other.content is not None
    name = key if of == 1 else f"{key}#{k + 1}"
    value: dict[str, Any] = {
        "id": f"{name}:{model.model}:{baseline.model}",
        "prompt": plain(own.prompt),
        "candidates": [
            {"id": BASELINE, "content": plain(other.content), "model": baseline.model},
            {"id": MODEL, "content": plain(own.content), "model": model.model},
        ],
        "metadata": {"prompt_id": key, "sample": k + 1},
    }
    if own.domain or other.domain:
        value["domain"] = own.domain or other.domain
    return Row(f"{own.where} and {other.where}", value)
