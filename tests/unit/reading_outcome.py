"""What a reading makes of a text, in one word."""

from judge_service.domain.answers import Answer, FreeText, PairAnswer, ScoreAnswer
from judge_service.protocols.readings import Unreadable, default_space, read

UNREADABLE = None


def outcome(name: str, text: str, quoted: tuple[str, ...] = (), space: FreeText | None = None) -> object:
    """first, second or tie; the score; the tiers; None if unreadable."""
    try:
        return plain(read(text, space or default_space(name), quoted))
    except Unreadable:
        return UNREADABLE


def plain(answer: Answer) -> object:
    if isinstance(answer, PairAnswer):
        return "first" if answer.first else "second" if answer.second else "tie"
    if isinstance(answer, ScoreAnswer):
        return next(iter(answer.scores.values())) if len(answer.scores) == 1 else answer.scores
    return answer.tiers
