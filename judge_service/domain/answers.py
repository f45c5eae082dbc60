"""What a judge may answer, and what it answered, in the positions it was shown (never yet in candidates)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def option_labels(shown: int) -> tuple[str, ...]:
    """What so many options are called in a prompt: letters, or numbers where there are more than letters."""
    return tuple(LETTERS[:shown]) if shown <= len(LETTERS) else tuple(map(str, range(1, shown + 1)))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few labels, each a single token: read from log-probabilities where the judge gives them.

    Attributes:
        labels: as the question names them, in the order shown.
        tie: the label that says neither is better, if one was offered; it is the last of `labels`.
    """

    labels: tuple[str, ...]
    tie: str | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The steps as the judge writes them."""
        return tuple(str(step) for step in range(self.low, self.high + 1))


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text that ends in a verdict, read by one of the readings.

    Attributes:
        reading: a name in `protocols.readings.READINGS`.
        asks: what the text has to settle: `score` is that of one candidate, `scores` one to each candidate shown,
            `option` one of the options shown; a note settles nothing, and is not read.
        shown: how many candidates, or options, were shown.
        scale: the scale of scores, where scores are asked.
        criteria: the names of the criteria that scores are asked for.
        ties: whether a tie is an allowed answer.
    """

    reading: str
    asks: Literal["pair", "score", "scores", "rank", "option", "note"]
    shown: int
    scale: tuple[int, int] | None = None
    criteria: tuple[str, ...] = ()
    ties: bool = True


AnswerSpace = Choice | Scale | FreeText


@dataclass(frozen=True, slots=True)
class Scalar:
    """One finite number for a whole conversation, from a model that says nothing else: on no scale but its own.

    In a prompt that asks for it, each span of ours names the role of a turn, and what follows is what was said in it.
    """

    @property
    def labels(self) -> tuple[str, ...]:
        """There are none."""
        return ()


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """Which of the two shown is better.

    Attributes:
        first: the weight on the first-shown, in [0, 1]; `first + second + tie` is 1.
        label: the label as the judge wrote it, for example `A>>B`.
        scores: the two scores, for readings that give one to each.
    """

    first: float
    second: float
    tie: float
    label: str
    scores: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ScoreAnswer:
    """Scores by criterion; a reading that gives one nameless score files it under the empty name."""

    scores: dict[str, float]
    label: str


@dataclass(frozen=True, slots=True)
class GroupScores:
    """One score to each position shown, the first-shown first."""

    scores: tuple[float, ...]
    label: str


@dataclass(frozen=True, slots=True)
class RankAnswer:
    """A ranking of the positions shown (0 is the first-shown), best first; positions in one tier are tied."""

    tiers: tuple[tuple[int, ...], ...]
    label: str


Answer = PairAnswer | ScoreAnswer | GroupScores | RankAnswer

FIRST: Final = (1.0, 0.0, 0.0)
SECOND: Final = (0.0, 1.0, 0.0)
TIE: Final = (0.0, 0.0, 1.0)
