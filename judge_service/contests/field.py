"""Several models' answers to the same prompts become the cases of one contest: all against all, or against one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from judge_service.contests.answers import Answers
from judge_service.contests.pairing import Paired, paired
from judge_service.errors import InvalidRequest


def field_of(models: Sequence[Answers], baseline: str = "", allow_missing: bool = False) -> Paired:
    """The cases of every two models, or of each and the baseline, one pair of models after the other.

    Args:
        baseline: the name of one of the models; "" for all pairs.
        allow_missing: as for `pairing.paired`.

    Raises:
        InvalidRequest: there are not two models, two files hold answers of one, there is no such baseline, or the
            files do not go together.
    """
    named: dict[str, Answers] = {}
    for answers in models:
        other = named.setdefault(answers.model, answers)
        if other is not answers:
            raise InvalidRequest(f"{other.path} and {answers.path} are both answers of {answers.model}")
    if len(named) < 2:
        raise InvalidRequest("a leaderboard takes the answers of two models or more")
    if baseline and baseline not in named:
        raise InvalidRequest(f"there is no model '{baseline}' here; known: {', '.join(named)}", "baseline")
    against = [(baseline, name) for name in named if name != baseline] if baseline else [*combinations(named, 2)]
    pairs = [paired(named[second], named[first], allow_missing) for first, second in against]
    rows = tuple(row for pair in pairs for row in pair.rows)
    return Paired(rows, "", baseline, 0, tuple(dict.fromkeys(line for pair in pairs for line in pair.told)))
