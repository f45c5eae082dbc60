"""MT-Bench's pair judgments (`model_judgment/JUDGE_pair.jsonl`): who won with model_1 first, and with model_2 first.

As FastChat's llm_judge writes them: the winners are models, so that both are in candidate space already, and one that
could not be read is "error". A model wins there only if both games say so (its show_result.py), which is
`tie-on-disagreement` here.
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

_OF_GAMES: Final = ("winner", "judgment")
_USED: Final = (
    *("question_id", "model_1", "model_2", "judge", "turn"),
    *(f"g{game}_{part}" for game in (1, 2) for part in _OF_GAMES),
)
_WINNERS: Final = {"model_1": FIRST, "model_2": SECOND, "tie": None}
_LABELS: Final = {"first": "A", "second": "B", "tie": "C"}


def read(row: Mapping[str, Any], texts: Texts) -> Told:
    """One question's two games, at one turn of it.

    Raises:
        InvalidCase: the question's id, the judge, a model or a game's winner is missing.
    """
    name, models = id_in(row, "question_id"), (text_in(row, "model_1"), text_in(row, "model_2"))
    judge, prompt = _judge(row.get("judge"))
    turn = row.get("turn", 1)
    if isinstance(turn, bool) or not isinstance(turn, int) or turn < 1:
        raise InvalidCase(f"turn is a number from 1; got {turn!r}"[:200], "turn")
    votes = (_vote(row, 1, judge, (FIRST, SECOND)), _vote(row, 2, judge, (SECOND, FIRST)))
    asked, answers = texts.prompt(name), [texts.answer(own, name, turn) for own in models]
    case = Case(
        f"{name}:{turn}:{models[0]}:{models[1]}",
        asked or "",
        (Candidate(FIRST, answers[0] or "", models[0]), Candidate(SECOND, answers[1] or "", models[1])),
        domain=texts.domains.get(name),
        metadata={"question_id": row["question_id"], "turn": turn, **others(row, _USED)},
    )
    return Told(case, judge, votes, asked is not None and None not in answers, prompt)


def _judge(told: Any) -> tuple[str, str | None]:
    """The judge's name and that of its prompt."""
    if isinstance(told, str) and told:
        return told, None
    if isinstance(told, list) and told and all(isinstance(part, str) for part in told):
        return told[0], told[1] if len(told) > 1 else None
    raise InvalidCase(f"judge is a name, or a name and a prompt's; got {told!r}"[:200], "judge")


def _vote(row: Mapping[str, Any], game: int, judge: str, order: tuple[str, str]) -> Vote:
    winner, text = text_in(row, f"g{game}_winner"), optional_text(row, f"g{game}_judgment")
    if winner not in _WINNERS:
        return no_vote(judge, order, f"game {game} has no winner; got {winner!r}"[:200], text)
    named = _WINNERS[winner]
    verdict = "tie" if named is None else "first" if named == order[0] else "second"
    return pair_vote(judge, order, verdict, _LABELS[verdict], text)


SOURCE: Final = Source(
    read=read,
    rubric="mt-bench",
    kind="preference",
    method="cot",
    standard=Rubric("mt-bench", "", "MT-Bench"),
    combine="tie-on-disagreement",
    orders="both",
    has_texts=False,
)
