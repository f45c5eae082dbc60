"""What a row of somebody else's judgments says, and what is known of where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from judge_service.domain.cases import Case
from judge_service.domain.frozen import frozen
from judge_service.domain.standards import Rubric
from judge_service.domain.verdicts import Failure, Vote
from judge_service.errors import InvalidCase
from judge_service.imports.joined import Texts

FIRST: Final = "a"
SECOND: Final = "b"
SHOWN: Final[Mapping[str, tuple[float, float, float]]] = {
    "first": (1.0, 0.0, 0.0),
    "second": (0.0, 1.0, 0.0),
    "tie": (0.0, 0.0, 1.0),
}
"""A verdict in words as weights on the first-shown, the second-shown and a tie."""


@frozen
class Told:
    """One judgment as it was recorded.

    Attributes:
        case: without texts where the record has none and none were found; its candidates are named all the same.
        judge: as the record names it; "" where it does not.
        prompt: the name of the judge's own prompt, where the record tells it.
    """

    case: Case
    judge: str
    votes: tuple[Vote, ...]
    has_texts: bool = True
    prompt: str | None = None


@frozen
class Source:
    """Where judgments of a kind come from, and how they were made.

    Attributes:
        read: a row, and the texts that stand in other files, as what was told; InvalidCase names the field at fault.
        rubric: the published method, by its name in the library.
        standard: its scale, and its criteria where they were asked one by one.
        combine: how votes on a pair are combined, so that the verdicts are those that were published.
        orders: the orders that a pair was shown in; None where it is no pair.
        note: what has to be known of its judgments.
        has_texts: whether its rows hold the texts that were judged.
    """

    read: Callable[[Mapping[str, Any], Texts], Told]
    rubric: str
    kind: Literal["preference", "scorecard"]
    method: Literal["direct", "cot"]
    standard: Rubric
    combine: str = "mean-logit"
    orders: Literal["one", "both"] | None = None
    note: str = ""
    has_texts: bool = True


def pair_vote(
    judge: str, order: tuple[str, str], verdict: str, label: str | None = None, explanation: str | None = None
) -> Vote:
    """A verdict in words, on a pair in the order it was shown in.

    Args:
        verdict: first, second or tie, as shown.
    """
    first, second, tie = SHOWN[verdict]
    return Vote(
        judge=judge,
        kind="pair",
        method="cot",
        order=order,
        evidence="text",
        probabilities={order[0]: first, order[1]: second},
        tie=tie,
        label=label,
        explanation=explanation,
    )


def no_vote(judge: str, order: tuple[str, ...], message: str, raw: str | None = None) -> Vote:
    """A pair's call of which no verdict was read: never a tie."""
    return Vote(judge, "pair", "cot", order, failure=Failure("unreadable", message, raw=raw))


def text_in(row: Mapping[str, Any], name: str) -> str:
    """A text that must be there.

    Raises:
        InvalidCase: it is not, or is no text.
    """
    value = row.get(name)
    if not isinstance(value, str):
        raise InvalidCase(f"{name} is missing" if value is None else f"{name} is a text; got {value!r}"[:200], name)
    return value


def optional_text(row: Mapping[str, Any], name: str) -> str | None:
    """A text, if there is one; what is none is left to the metadata."""
    value = row.get(name)
    return value if isinstance(value, str) and value else None


def id_in(row: Mapping[str, Any], *names: str) -> str:
    """The first of these columns that there is, as an id.

    Raises:
        InvalidCase: there is none, or it is neither text nor number.
    """
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
        if value is not None:
            raise InvalidCase(f"{name} is a text or a number; got {value!r}"[:200], name)
    raise InvalidCase(f"{names[0]} is missing", names[0])


def others(row: Mapping[str, Any], used: Iterable[str]) -> dict[str, Any]:
    """Every column that was not used."""
    taken = frozenset(used)
    return {name: value for name, value in row.items() if name not in taken}
