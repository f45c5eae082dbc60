"""Whether a judge favours its own family of models, beyond what their answers are worth by somebody else's measure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.probes import Probe
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.probing import ProbeFinding, Seen, mean_measure, seen_in
from judge_service.statistics.least_squares import least_squares

NO_CONTROL: Final = (
    "not identified: without people's labels or another judge's verdicts on the same cases, better answers of its own"
    " family cannot be told from a liking for them"
)
COARSE: Final = "labels are a coarse control: a family that is better by more than they say looks favoured"
NO_AUTHORS: Final = "not identified: no case sets a model of the judge's own family against another"


@frozen
class Controlled:
    """A pair whose worth somebody else has told too.

    Attributes:
        prompt: what intervals go by.
        own: 1 where the first candidate is of the judge's own family and the second is not, -1 the other way, 0 where
            both are or neither is.
        control: the same pair as somebody else sees it: another judge's verdict, or a label as `label_as_seen` has it.
    """

    prompt: str
    own: int
    seen: Seen
    control: Seen


def label_as_seen(label: float) -> Seen:
    """A label, P(the first is better), as a verdict of +1, 0 or -1: its scale is fitted."""
    return Seen(2.0 * label - 1.0, label)


def own_side(judgment: Judgment) -> int:
    """Which side of a pair is of the judge's own family: 1 the first, -1 the second, 0 neither or both."""
    first, second = [candidate in judgment.same_family for candidate in judgment.candidates]
    return int(first) - int(second)


def controlled(
    judgments: Iterable[Judgment], controls: Mapping[str, Seen], prompts: Mapping[str, str]
) -> tuple[list[Controlled], Counter[str]]:
    """The pairs that have both a verdict and a control; and what was left out, by why.

    Args:
        controls, prompts: by case id.
    """
    found: list[Controlled] = []
    left_out: Counter[str] = Counter()
    for judgment in judgments:
        seen, control = seen_in(judgment), controls.get(judgment.case_id)
        if seen is None or control is None:
            left_out["not judged" if seen is None else "without a control"] += 1
            continue
        found.append(Controlled(prompts[judgment.case_id], own_side(judgment), seen, control))
    return found, left_out


def self_preference(
    probe: Probe,
    pairs: list[Controlled],
    left_out: Mapping[str, int],
    control: Literal["labels", "judge"] | None,
    authored: int,
) -> ProbeFinding:
    """How far the judge leans to its own family, given the control.

    Shift: least squares of the judge's logit on the control's and on which side is its own, without a constant, since
    which candidate stands first says nothing; the coefficient of the latter is the lean. It is unbiased where the
    control is exact, or its own family's answers are no better than others; where they are, what a noisy control misses
    of that goes into the lean, and of labels, which say nothing of how far, more (errors in a regressor: Fuller 1987).
    Excess: how much more often its own family wins with this judge than by the control, a tie being half.

    Args:
        control: what there was to control by.
        authored: how many cases set its own family against another.
    """
    own = [pair for pair in pairs if pair.own]
    why = NO_AUTHORS if not authored else NO_CONTROL if control is None or not own else ""
    note = COARSE if control == "labels" else ""
    measures = {"shift": _shift(probe, pairs, why, note), "excess": _excess(probe, own, why)}
    return ProbeFinding(probe, tuple([measures[name] for name in probe.measures]), {}, 0, dict(left_out))


def _shift(probe: Probe, pairs: list[Controlled], why: str, note: str) -> Measure:
    name = f"{probe.id}.shift"
    if why:
        return Measure(name, None, None, None, 0, "logits", why)
    columns = ([pair.control.logit for pair in pairs], [float(pair.own) for pair in pairs])
    found = least_squares([pair.seen.logit for pair in pairs], columns, [pair.prompt for pair in pairs])
    if found is None or not all(map(math.isfinite, found[1][:1])):
        few = "not identified: too few pairs, or the control says the same as the authors"
        return Measure(name, None, None, None, len(pairs), "logits", few)
    lean = found[1]
    return Measure(name, lean.value, lean.low, lean.high, lean.n, "logits", note)


def _excess(probe: Probe, own: list[Controlled], why: str) -> Measure:
    more = [(pair.own * (pair.seen.won - pair.control.won), pair.prompt) for pair in own]
    return mean_measure(f"{probe.id}.excess", [] if why else more, "share", why or "nothing was judged")
