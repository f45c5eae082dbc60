"""Contrast instructions: prompts that read alike and have different right answers (Shen et al. 2024)."""

from __future__ import annotations

from collections.abc import Sequence

from judge_service.domain.frozen import frozen
from judge_service.domain.probes import Probe
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import ProbeFinding, Seen, share_measure

_NOTHING = "no contrast was judged"


@frozen
class Contrasted:
    """One contrast: the same two responses under the prompt of the first and under that of the second."""

    id: str
    under_first: Seen | None
    under_second: Seen | None


def contrast_finding(probe: Probe, contrasts: Sequence[Contrasted]) -> ProbeFinding:
    """How often the right response wins, and how often the right instruction does.

    By response: under each prompt, its own response wins; a tie does not. By instruction: the first response is
    preferred more under the first prompt than under the second, by the judge's logits; of a judge that is read as text,
    equal answers do not count as right. Both: each prompt's own response wins, so that the verdict turns round. The
    paper scores each response alone; here it is compared with the other, so that one number serves both responses.
    """
    whole = [(one.id, one.under_first, one.under_second) for one in contrasts]
    judged = [(name, first, second) for name, first, second in whole if first is not None and second is not None]
    right = [(first.won == 1.0, name) for name, first, _ in whole if first is not None]
    right += [(second.won == 0.0, name) for name, _, second in whole if second is not None]
    shares = {
        "by_response": right,
        "by_instruction": [(first.logit > second.logit, name) for name, first, second in judged],
        "both": [(first.won == 1.0 and second.won == 0.0, name) for name, first, second in judged],
    }
    measures: list[Measure] = [share_measure(f"{probe.id}.{name}", shares[name], _NOTHING) for name in probe.measures]
    unscored = sum([(first is None) + (second is None) for _, first, second in whole])
    return ProbeFinding(probe, tuple(measures), {}, unscored)
