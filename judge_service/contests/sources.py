"""What files of an evaluation hold: judgments, AlpacaEval's annotations, or a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from judge_service.batch.outputs import outputs_of
from judge_service.errors import InvalidRequest
from judge_service.files.reading import rows_of

SourceKind = Literal["judgments", "annotations", "outputs"]
OUTPUTS: Final = "outputs"
_ANNOTATION: Final = ("output_1", "output_2", "preference")
_JUDGED: Final = ("prompt", "instruction", "question", "question_id", "uid")


def kind_of_source(path: str) -> SourceKind:
    """What a file holds, by its first row; an empty one is taken for judgments.

    Raises:
        InvalidRequest: no such file.
    """
    first = next(iter(rows_of(path)), None)
    value: Any = first.value if first is not None else None
    if not isinstance(value, Mapping) or "object" in value or "case_id" in value:
        return "judgments"
    if all(name in value for name in _ANNOTATION):
        return "annotations"
    return "outputs" if any(name in value for name in _JUDGED) else "judgments"


def one_kind(sources: Sequence[str]) -> SourceKind:
    """What files, patterns and folders hold, all of them.

    Raises:
        InvalidRequest: there is none of a name, or they hold one thing and another.
    """
    kinds = {kind_of_source(str(path)): str(path) for path in outputs_of(sources) if path.is_file()}
    if len(kinds) > 1:
        told = ", ".join(f"{path} holds {kind}" for kind, path in sorted(kinds.items()))
        raise InvalidRequest(f"give files of one kind: {told}")
    return next(iter(kinds), "judgments")
