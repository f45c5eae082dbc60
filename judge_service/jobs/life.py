"""A batch's life: its facts become its status and the object that callers see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from judge_service.backends.papers import ERRORS, OUTPUT, Facts
from judge_service.errors import InvalidOption
from judge_service.jobs.lines import ENDPOINTS

Ending = Literal["completed", "failed", "expired", "cancelled"]
ENDINGS: Final[tuple[Ending, ...]] = ("completed", "failed", "expired", "cancelled")
_TIMES: Final = (
    "in_progress_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at"
)  # fmt: skip
_FIELDS: Final = ("input_file_id", "completion_window", "endpoint", "metadata", "output_expires_after")
_UNIT_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_WINDOW: Final = 30 * 86_400
_SHORTEST_KEEPING: Final = 3600
_MOST_PAIRS: Final = 16
_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 512


def status_of(facts: Facts) -> str:
    """Where in its life a batch is. How it ends is decided by who says it first: its caller, or who works on it."""
    for ending in ENDINGS:
        if f"{ending}_at" in facts:
            return ending
    if "ending" in facts:
        return "cancelling" if facts["ending"] == "cancelled" else "finalizing"
    return "in_progress" if "in_progress_at" in facts else "validating"


def is_over(facts: Facts) -> bool:
    """Whether nothing more will happen."""
    return status_of(facts) in ENDINGS


def batch_object(name: str, facts: Facts, counts: Mapping[str, int]) -> dict[str, Any]:
    """The batch as OpenAI's clients know it. Requests that were never answered count as neither completed nor failed.

    Args:
        counts: how many answers lie in each tray; of one that is over, its facts tell.
    """
    counted = facts.get("counts") or {
        "total": facts.get("total", 0),
        "completed": counts.get(OUTPUT, 0),
        "failed": counts.get(ERRORS, 0),
    }
    errors = facts.get("errors")
    return {
        "id": name,
        "object": "batch",
        "endpoint": facts["endpoint"],
        "model": None,
        "errors": None if errors is None else {"object": "list", "data": errors},
        "input_file_id": facts["input_file_id"],
        "completion_window": facts["completion_window"],
        "status": status_of(facts),
        "output_file_id": facts.get("output_file_id"),
        "error_file_id": facts.get("error_file_id"),
        "created_at": facts["created_at"],
        "expires_at": facts["expires_at"],
        **{name: facts.get(name) for name in _TIMES},
        "request_counts": counted,
        "usage": None,
        "metadata": facts["metadata"],
    }


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants of a new batch.

    Attributes:
        window: seconds within which it is to be done.
        keep: seconds for which its output is kept; None for as long as anything.
    """

    input_file_id: str
    endpoint: str
    completion_window: str
    window: int
    metadata: dict[str, str] | None
    keep: int | None


def wish_from(told: Any) -> Wish:
    """The wish in a request's body.

    Raises:
        InvalidOption: naming the field.
    """
    if not isinstance(told, Mapping):
        raise InvalidOption("the body is a JSON object")
    for name in told:
        if name not in _FIELDS:
            raise InvalidOption(f"there is no field '{name}': {', '.join(_FIELDS)}", name)
    endpoint = _text(told, "endpoint")
    if endpoint not in ENDPOINTS:
        raise InvalidOption(f"endpoint is one of {', '.join(ENDPOINTS)}", "endpoint")
    written = _text(told, "completion_window")
    return Wish(
        _text(told, "input_file_id"),
        endpoint,
        written,
        _window(written),
        _metadata(told.get("metadata")),
        keeping_seconds(told.get("output_expires_after"), "output_expires_after"),
    )


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidOption(f"{name} is a text, and has to be given", name)
    return value


def _window(written: str) -> int:
    """Seconds. OpenAI knows 24h only; there is no reason to refuse others."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", written)
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_WINDOW:
        raise InvalidOption(
            "completion_window is such as 24h, of s, m, h or d, and 30d at the most", "completion_window"
        )
    return seconds


def _metadata(told: Any) -> dict[str, str] | None:
    if told is None:
        return None
    if not isinstance(told, Mapping) or len(told) > _MOST_PAIRS:
        raise InvalidOption(f"metadata has {_MOST_PAIRS} names with texts at the most", "metadata")
    for name, text in told.items():
        if len(name) > _LONGEST_NAME or not isinstance(text, str) or len(text) > _LONGEST_TEXT:
            raise InvalidOption(
                f"metadata's names have {_LONGEST_NAME} characters at the most, and its texts {_LONGEST_TEXT}",
                "metadata",
            )
    return dict(told)


def keeping_seconds(told: Any, param: str) -> int | None:
    """For how long a file is kept, from `{"anchor": "created_at", "seconds": 3600}`; None if it is not said.

    Raises:
        InvalidOption: it is said wrongly.
    """
    if told is None:
        return None
    seconds = told.get("seconds") if isinstance(told, Mapping) and told.get("anchor") == "created_at" else None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not _SHORTEST_KEEPING <= seconds <= _LONGEST_WINDOW:
        form = f'{{"anchor": "created_at", "seconds": {_SHORTEST_KEEPING} to {_LONGEST_WINDOW}}}'
        raise InvalidOption(f"{param} is {form}", param)
    return seconds
