"""Decisions on a real vLLM: labels of many letters, read from exactly their own log-probabilities."""

from pathlib import Path
from typing import Any

import pytest
from running import Vllm, reference, service_for

from judge_service.deciding import Decided
from judge_service.domain.answers import option_labels
from judge_service.domain.decisions import NO, YES, DecisionQuestion, Inquiry, Option
from judge_service.domain.options import options_from
from judge_service.library import open_library

SAME = 1e-3
STATE = "The kettle was put on at noon. " * 8
COUNTS = (2, 5, 20, 30)
BOTH_WAYS = pytest.mark.parametrize("exact", [False, True], ids=["messages", "token ids"])


def which(count: int, turned: bool = False) -> DecisionQuestion:
    """A choice of so many, listed forwards or backwards."""
    options = [Option(f"thing {i}", "it is hot" if i % 3 else None) for i in range(count)]
    return DecisionQuestion("choice", f"Which of {count}?", tuple(options[::-1] if turned else options), f"{count}")


def inquiry(turned: bool = False) -> Inquiry:
    """Questions of all kinds."""
    levels = tuple(Option(label) for label in ("cold", "warm", "hot"))
    others = (DecisionQuestion("predicate", "Is it hot?", (YES, NO)), DecisionQuestion("score", "How hot?", levels))
    return Inquiry(STATE, (*[which(count, turned) for count in COUNTS], *others))


async def decided(server: Vllm, folder: Path, exact: bool, turned: bool = False) -> Decided:
    """All questions, decided by a judge whose label mass does not matter."""
    how: dict[str, Any] = {"tokenizer": str(folder)} if exact else {}
    async with service_for(server, min_label_mass=0.0, **how) as service:
        decider = service.decider(options_from({"include": ["votes", "prompts"]}, "compare"))
        return await decider.decide(inquiry(turned))


@BOTH_WAYS
async def test_every_vote_is_what_the_weights_say_of_its_labels(
    random_judge: Vllm, random_folder: Path, exact: bool
) -> None:
    found = await decided(random_judge, random_folder, exact)
    assert [answer.failure for answer in found.answers] == [None] * len(found.answers)
    assert {answer.evidence for answer in found.answers} == {"logprobs"}
    votes = [vote for answer in found.answers for vote in answer.votes]
    assert len(votes) == 2 + 5 + 4 + 22 + 2 + 2
    system, asked = open_library().templates["decide"].sections["system"], []
    for vote in votes:
        assert vote.prompt is not None
        assert vote.prompt.startswith(system)
        user = vote.prompt[len(system) :]
        chat = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        asked.append({"chat": chat, "labels": list(option_labels(len(vote.shown)))})
    for vote, truth in zip(votes, reference(random_folder, asked), strict=True):
        assert vote.weights == pytest.approx(tuple(truth["probabilities"].values()), abs=SAME)
        assert vote.label_mass == pytest.approx(truth["label_mass"], abs=SAME)


async def test_the_order_of_the_options_changes_nothing_and_questions_share_the_state(
    random_judge: Vllm, random_folder: Path
) -> None:
    one = await decided(random_judge, random_folder, exact=False)
    other = await decided(random_judge, random_folder, exact=False, turned=True)
    for count, forwards, backwards in zip(COUNTS, one.answers, other.answers, strict=False):
        assert forwards.probabilities is not None
        assert backwards.probabilities is not None
        assert len(forwards.probabilities) == count
        assert forwards.probabilities == pytest.approx(backwards.probabilities[::-1], abs=SAME)
    assert other.usage.cached_tokens > 0.3 * other.usage.prompt_tokens
