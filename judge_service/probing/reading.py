"""What probes are tried on, from files: a user's own cases, contrasts of their own, and another judge's verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import case_of_row
from judge_service.batch.stored import Stored
from judge_service.domain.probes import Contrast, Pair
from judge_service.errors import InvalidCase, InvalidRequest
from judge_service.evaluation.audits.probing import Seen, seen_in
from judge_service.files.reading import Row, rows_of

PARAPHRASES = "paraphrases"


def pairs_in(path: str, fields: Mapping[str, str], limit: int) -> tuple[Pair, ...]:
    """The first cases of a file, each once; a field `paraphrases` holds other wordings of a prompt.

    Raises:
        InvalidRequest: a row is no case for compare; the message names file, row and field.
    """
    found: dict[str, Pair] = {}
    for row in islice(rows_of(path), limit):
        pair = _pair(row, fields)
        if pair.case.id in found:
            raise InvalidRequest(f"{row.where}: the id '{pair.case.id}' stands twice")
        found[pair.case.id] = pair
    if not found:
        raise InvalidRequest(f"{path}: there is no case in it")
    return tuple(found.values())


def contrasts_in(path: str) -> tuple[Contrast, ...]:
    """Contrasts from rows of {"prompts": [two], "responses": [two]}, the first response right for the first prompt.

    Raises:
        InvalidRequest: a row is none; the message names file, row and field.
    """
    return tuple([_contrast(row, number) for number, row in enumerate(rows_of(path), 1)])


def controls_in(paths: Sequence[str]) -> dict[str, Seen]:
    """Another judge's verdicts on pairs, by case id; what was not judged is not among them.

    Raises:
        InvalidRequest, RunRefused: the files do not hold judgments of one run.
    """
    return {judgment.case_id: seen for judgment, seen in _verdicts(paths) if seen is not None}


def _verdicts(paths: Sequence[str]) -> Iterator[tuple[Any, Seen | None]]:
    for where, judgment in Stored(outputs_of(paths)).judgments():
        if judgment.kind != "preference":
            raise InvalidRequest(f"{where} is a {judgment.kind}: a control is of preferences, which compare makes")
        yield judgment, seen_in(judgment)


def _pair(row: Row, fields: Mapping[str, str]) -> Pair:
    try:
        case = case_of_row(row, "compare", fields)
    except InvalidCase as e:
        where = f" ({e.param})" if e.param and e.param not in e.message else ""
        raise InvalidRequest(f"{row.where}: {e.message}{where}") from None
    told = case.metadata.get(PARAPHRASES) or []
    if not isinstance(told, list) or not all(isinstance(text, str) and text.strip() for text in told):
        raise InvalidRequest(f"{row.where}: {PARAPHRASES} is a list of texts")
    return Pair(case, None, tuple(told))


def _contrast(row: Row, number: int) -> Contrast:
    value = row.value
    if row.error is not None or not isinstance(value, Mapping):
        raise InvalidRequest(f"{row.where}: {row.error or 'a contrast is an object with prompts and responses'}")
    name = value.get("id", f"contrast-{number}")
    if not isinstance(name, str | int):
        raise InvalidRequest(f"{row.where}: id is a text or a number")
    return Contrast(str(name), _two(row, "prompts"), _two(row, "responses"))


def _two(row: Row, name: str) -> tuple[str, str]:
    told = row.value.get(name)
    if not isinstance(told, list) or len(told) != 2 or not all(isinstance(text, str) and text.strip() for text in told):
        raise InvalidRequest(f"{row.where}: {name} is a list of two texts")
    return told[0], told[1]
