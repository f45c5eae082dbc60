"""What a pair's label costs and how right it is, by the orders asked, on judges that are simulated.

    python bench/frontier_pairs.py [--cases 20000]

The judge's logit for the first-shown is a (gap + error) + bias, where the true gap is normal with a standard deviation
of 1, the error belongs to the pair and no repeat removes it, and the bias varies from pair to pair; each order has some
noise of its own. All but the judge is the service's own: prompts, votes, audits, bands and verdicts. A card is made of
600 pairs in both orders; what is judged then are other pairs. Accuracy is against the sign of the true gap.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from judge_service.domain.answers import Choice
from judge_service.domain.cards import PositionEstimate
from judge_service.domain.cases import Candidate, Case
from judge_service.domain.digests import draw
from judge_service.domain.options import options_from
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import Finding
from judge_service.evaluation.audits.position import audited_pair, estimate_of
from judge_service.library import open_library
from judge_service.protocols.audited import both_leans
from judge_service.protocols.brief import Brief
from judge_service.protocols.checks import check_brief
from judge_service.protocols.pairwise import pairwise
from judge_service.statistics.debias import sigmoid
from judge_service.statistics.position import FLIPS

AUDITS: Final = 600
CASES: Final = 20_000
LOOSE: Final = 0.4
"""A bound that leaves all but the nearest to even at one order: the cheapest use of a card."""
LIBRARY: Final = open_library()
STANDARD: Final = LIBRARY.standard("helpfulness")


@dataclass(frozen=True)
class Nature:
    """A judge, in logits.

    Attributes:
        sharp: logits to a unit of quality.
        error: its error on a pair, in units of quality.
        bias: its lean to the first-shown.
        spread: how that varies over pairs.
        noise: what varies between a pair's two orders.
        kind: how the bias varies: "even", "near-ties" (larger where the gap is small), or "two-domains" (2 logits more
            on one half of the cases and 2 less on the other).
    """

    name: str
    sharp: float
    error: float
    bias: float
    spread: float
    noise: float
    kind: str = "even"


STRONG: Final = Nature("strong, mild bias", 3.0, 0.45, 0.3, 0.3, 0.3)
GPT_4_LIKE: Final = Nature("GPT-4-like", 3.0, 0.6, 1.0, 1.0, 0.5)
MID: Final = Nature("mid", 2.0, 0.6, 1.0, 0.7, 0.5)
SMALL: Final = Nature("small, big bias", 1.2, 0.8, 2.0, 0.7, 0.5)
VARYING: Final = Nature("small, big and varying bias", 1.2, 0.8, 2.0, 1.5, 0.5)
HOMOGENEOUS: Final = (STRONG, GPT_4_LIKE, MID, SMALL)
WORST: Final = (
    replace(MID, name="mid, bias larger near ties", kind="near-ties"),
    replace(MID, name="mid, two domains in one", kind="two-domains"),
)


class Pair(NamedTuple):
    """One case, the true gap, and the logit for the first-shown in either order."""

    case: Case
    gap: float
    one: float
    other: float


def pairs(nature: Nature, count: int, seed: int) -> Iterator[Pair]:
    """Cases as that judge sees them."""
    rng = np.random.default_rng((seed, *nature.name.encode()))
    gap = rng.normal(size=count)
    margin = nature.sharp * (gap + nature.error * rng.normal(size=count))
    own = nature.spread * rng.normal(size=count)
    own *= 2 * np.exp(-np.abs(gap)) if nature.kind == "near-ties" else 1.0
    own += nature.bias
    if nature.kind == "two-domains":
        own += np.where(rng.random(count) < 0.5, 2.0, -2.0)
    one, other = (sign * margin + own + nature.noise * rng.normal(size=count) for sign in (1, -1))
    candidates = (Candidate("a", "0"), Candidate("b", "1"))
    for i in range(count):
        case = Case(f"{i}", f"{nature.name} {seed} {i}", candidates)
        yield Pair(case, float(gap[i]), float(one[i]), float(other[i]))


def brief_of(method: str, position: PositionEstimate | None = None, **told: Any) -> Brief:
    """A brief as a sitting makes one."""
    templates = {"compare": LIBRARY.template(STANDARD, "compare")}
    options = options_from(told, "compare")
    brief = Brief("compare", STANDARD, templates, options, "judge", "cot" if method == "cot" else "direct")
    check_brief(brief)
    return replace(brief, position=position)


def held(pair: Pair, brief: Brief) -> tuple[Finding, int]:
    """The protocol driven to its end, and how many calls that took."""
    deliberation = pairwise(pair.case, brief)
    calls = 0
    try:
        prompts = next(deliberation)
        while True:
            calls += len(prompts)
            prompts = deliberation.send([answer(pair, prompt) for prompt in prompts])
    except StopIteration as end:
        return end.value, calls


def answer(pair: Pair, prompt: JudgePrompt) -> Completion:
    """What the judge says: its probabilities where letters are asked for, and else a verdict drawn from them."""
    first = next(span.text for span in prompt.user if span.source == "candidate")
    p = sigmoid(pair.one if first == "0" else pair.other)
    if isinstance(prompt.space, Choice):
        return Completion("A" if p > 0.5 else "B", {"A": p, "B": 1.0 - p}, label_mass=1.0)
    drawn = draw("verdict", pair.case.lot, first, prompt.sampling.seed) / 2.0**64
    return Completion(json.dumps({"verdict": "A" if drawn < p else "B"}))


class Result(NamedTuple):
    """Accuracy and calls a pair, with the standard errors of both, and what each pair was scored."""

    accuracy: float
    accuracy_error: float
    calls: float
    calls_error: float
    scored: np.ndarray


def measured(nature: Nature, count: int, brief: Brief) -> Result:
    """All pairs under one brief; a tie scores half."""
    scored, calls = np.zeros(count), np.zeros(count)
    for i, pair in enumerate(pairs(nature, count, 2)):
        finding, calls[i] = held(pair, brief)
        winner = finding.verdict.winner
        scored[i] = 0.5 if winner == "tie" else (winner == "a") == (pair.gap > 0)
    root = math.sqrt(count)
    return Result(scored.mean(), scored.std() / root, calls.mean(), calls.std() / root, scored)


def card_of(nature: Nature, flips: float) -> PositionEstimate:
    """The estimate from audited pairs."""
    brief = brief_of("direct")
    audited = []
    for pair in pairs(nature, AUDITS, 1):
        finding, _ = held(pair, brief)
        leans = both_leans(finding.votes, ("a", "b"), STANDARD)
        assert leans is not None
        audited.append(audited_pair(pair.case.digest, leans, None))
    return estimate_of(audited, flips)


def told(name: str, result: Result, base: Result | None = None) -> str:
    """One line of the table."""
    right = f"{result.accuracy:.4f} ± {result.accuracy_error:.4f}"
    line = f"  {name:<40}{right}   {result.calls:5.2f} ± {result.calls_error:.3f}"
    if base is None:
        return line
    gap = result.scored - base.scored
    return line + f"   {100 * gap.mean():+.2f} ± {100 * gap.std() / math.sqrt(len(gap)):.2f} points of both orders"


def run(count: int = CASES, say: Callable[[str], None] = print) -> list[tuple[str, bool]]:
    """Prints the tables; each target with whether it was met."""
    met: list[tuple[str, bool]] = []
    say(f"{count:,} pairs a judge, {AUDITS} audited pairs to a card; accuracy, calls a pair")
    for nature in (*HOMOGENEOUS, VARYING, *WORST):
        say(f"\n{nature.name}: sharpness {nature.sharp}, bias {nature.bias} ± {nature.spread} logits")
        both = measured(nature, count, brief_of("direct"))
        audited = {
            flips: measured(nature, count, brief_of("direct", card_of(nature, flips), orders="audited"))
            for flips in (FLIPS, LOOSE)
        }
        say(told("one order, as it is", measured(nature, count, brief_of("direct", orders="one"))))
        say(told("both orders", both))
        say(told("audited orders, bound 5 % (default)", audited[FLIPS], both))
        say(told(f"audited orders, bound {LOOSE:.0%}", audited[LOOSE], both))
        if nature.kind == "even":
            sampled = measured(nature, count // 2, brief_of("cot", repeats=5))
            say(told("ten sampled verdicts (5 in each order)", sampled))
            met += _against_sampled(nature, audited[LOOSE], sampled)
        met += _against_both(nature, audited[FLIPS], both)
    return met


def _against_sampled(nature: Nature, cheap: Result, sampled: Result) -> list[tuple[str, bool]]:
    gap = cheap.scored[: len(sampled.scored)] - sampled.scored
    error = gap.std() / math.sqrt(len(gap))
    points = f"{100 * gap.mean():+.2f} ± {100 * error:.2f} points of ten sampled (>= 0 within two errors)"
    return [
        (f"{nature.name}: {cheap.calls:.2f} calls (<= 1.1), {points}", cheap.calls <= 1.1 and gap.mean() >= -2 * error)
    ]


def _against_both(nature: Nature, audited: Result, both: Result) -> list[tuple[str, bool]]:
    gap = audited.scored - both.scored
    points = 100 * gap.mean()
    if nature.kind != "even" or nature is VARYING:
        return [(f"{nature.name}: {audited.calls:.2f} calls (<= 1.85)", audited.calls <= 1.85)]
    what = f"{nature.name}: {audited.calls:.2f} calls (<= 1.45), {points:+.2f} points of both orders (>= -0.2)"
    return [(what, audited.calls <= 1.45 and points >= -0.2)]


def main() -> None:
    """Prints the tables and which targets were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=CASES)
    met = run(parser.parse_args().cases)
    print("\ntargets")
    for what, is_met in met:
        print(f"  {'met    ' if is_met else 'not met'}  {what}")


if __name__ == "__main__":
    main()
