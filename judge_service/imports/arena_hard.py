"""Arena-Hard's `model_judgment/JUDGE/MODEL.jsonl`: two games on a question, the baseline first in the first of them.

Read in lmarena/arena-hard-auto (196f6b8), and its rows of before, which have a question_id and leave the baseline
unnamed. A game or a score that is null was not read there either, and is a failure. There a clear verdict (`A>>B`)
counts as three games; here the label stays in the vote, and each order counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from judge_service.domain.cases import Candidate, Case
from judge_service.domain.standards import Rubric
from judge_service.domain.verdicts import Vote
from judge_service.errors import InvalidCase
from judge_service.imports.joined import Texts
from judge_service.imports.told import (
    FIRST,
    SECOND,
    Source,
    Told,
    id_in,
    no_vote,
    optional_text,
    others,
    pair_vote,
    text_in,
)

_USED: Final = ("uid", "question_id", "category", "judge", "model", "baseline", "games")
_VERDICTS: Final = {"A>>B": "first", "A>B": "first", "A=B": "tie", "B>A": "second", "B>>A": "second"}
_ORDERS: Final = ((FIRST, SECOND), (SECOND, FIRST))


def read(row: Mapping[str, Any], texts: Texts) -> Told:
    """One question's two games; the first candidate is the baseline, the second the model.

    Raises:
        InvalidCase: the question's id, the judge or the model is missing, or there are more than two games.
    """
    name, judge, model = id_in(row, "uid", "question_id"), text_in(row, "judge"), text_in(row, "model")
    baseline = optional_text(row, "baseline") or texts.baseline
    games = row.get("games") or []
    if not isinstance(games, list) or len(games) > len(_ORDERS):
        raise InvalidCase("games is a list of two", "games")
    votes = tuple(_vote(games[i] if i < len(games) else None, judge, order) for i, order in enumerate(_ORDERS))
    prompt, answers = texts.prompt(name), [texts.answer(own, name) for own in (baseline, model)]
    case = Case(
        f"{name}:{model}",
        prompt or "",
        (Candidate(FIRST, answers[0] or "", baseline), Candidate(SECOND, answers[1] or "", model)),
        domain=optional_text(row, "category") or texts.domains.get(name),
        metadata={"uid": name, **others(row, _USED)},
    )
    return Told(case, judge, votes, has_texts=prompt is not None and None not in answers)


def _vote(game: Any, judge: str, order: tuple[str, str]) -> Vote:
    if not isinstance(game, Mapping):
        return no_vote(judge, order, "there is no such game")
    said = game.get("judgment")
    text = said.get("answer") if isinstance(said, Mapping) else said
    raw = text if isinstance(text, str) else None
    score = game.get("score")
    if not isinstance(score, str) or score not in _VERDICTS:
        return no_vote(judge, order, f"the score is none of {', '.join(_VERDICTS)}; got {score!r}"[:200], raw)
    return pair_vote(judge, order, _VERDICTS[score], score, raw)


SOURCE: Final = Source(
    read=read,
    rubric="arena-hard",
    kind="preference",
    method="cot",
    standard=Rubric("arena-hard", "", "Arena-Hard"),
    orders="both",
    note="in Arena-Hard's own rates a clear verdict counts three times; here each order counts once",
    has_texts=False,
)
