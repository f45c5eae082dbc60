"""What rankings cost and how well they agree with the truth, by strategy, on judges that are simulated.

    python bench/frontier_ranking.py [--scale 1.0] [--sizes 4 8 16]

A case is n candidates of normal quality (its standard deviation is the unit). The judge has a taste of its own that all
strategies share, an error on each pair, a lean to the first-shown that varies from pair to pair, noise in each score,
and noise and primacy in each whole ranking; all numbers are in `Nature`. Everything between the case and the ranking is
the service's own: prompts, votes, designs and fits. The judge is asked by log-probabilities, except for whole rankings
and for sampled verdicts, which it writes.

Agreement is Kendall's tau with the true order, over pairs. Computed tokens are what a prefix cache without limits
leaves of the prompts as they are laid out here, the standard and the system's text being warm: 300 for the prompt, 400
for a candidate, 20 for the question. Figures are means and standard errors over the same cases for all strategies.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from judge_service.domain.answers import Choice, FreeText, Scale
from judge_service.domain.cards import DomainBias, PositionEstimate
from judge_service.domain.cases import Candidate, Case
from judge_service.domain.options import options_from
from judge_service.domain.parsing import unnamed
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.standards import Criterion, Rubric
from judge_service.domain.verdicts import Finding, Ranking, Usage
from judge_service.library import DEFAULT_PROMPTS, open_library
from judge_service.protocols.brief import Brief
from judge_service.protocols.checks import check_brief
from judge_service.protocols.ranking import ranking
from judge_service.statistics.debias import clipped
from judge_service.statistics.position import Audit, bias_of, one_order_band

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
STEPS: Final = (1, 9)
TOKENS: Final[Mapping[str | None, int]] = {"prompt": 300, "candidate": 400}
QUESTION: Final = 20
AUDITS: Final = 600
CASES: Final = {4: 1500, 8: 1000, 16: 400, 32: 60}
TARGETS: Final = {8: ("listwise x5", 0.45, "tokens"), 16: ("round-robin both, sampled", 0.2, "calls")}


@dataclass(frozen=True)
class Nature:
    """A judge, in units of the standard deviation of quality; logits are `sharpness` times as much.

    Attributes:
        taste: how far its idea of quality is from the truth.
        pair: its error on a pair, the same in both orders.
        bias: its lean to the first-shown.
        spread: how that varies from pair to pair.
        call: noise of a single answer.
        score: noise of a single score.
        listing: noise of a place in a whole ranking of four, which grows with the number.
        primacy: what standing first rather than last in a whole ranking is worth.
        limit: the logit that its answers never reach; None: there is none.
    """

    taste: float = 0.35
    pair: float = 0.40
    bias: float = 0.35
    spread: float = 0.35
    call: float = 0.15
    score: float = 0.60
    listing: float = 0.55
    primacy: float = 0.35
    sharpness: float = 3.0
    limit: float | None = None

    def logit(self, lean: np.ndarray) -> np.ndarray:
        """What the judge's probabilities say of a lean."""
        z = self.sharpness * lean
        return z if self.limit is None else self.limit * np.tanh(z / self.limit)


class World:
    """One case as the judge sees it, and the judge; answers cost what a prefix cache leaves of them."""

    def __init__(self, n: int, nature: Nature, seed: tuple[int, ...]) -> None:
        rng = self._rng = np.random.default_rng(seed)
        self.nature = nature
        self.true = rng.normal(size=n)
        self.seen = self.true + nature.taste * rng.normal(size=n)
        upper, bias = (np.triu(rng.normal(size=(n, n)), 1) for _ in range(2))
        self.pairs = nature.pair * (upper - upper.T)
        self.biases = nature.bias + nature.spread * (bias + bias.T)
        candidates = tuple(Candidate(unnamed(place), f"{place}") for place in range(n))
        self.case = Case("case", f"Prompt {seed}.", candidates)
        self.usage = Usage()
        self._prefixes: set[tuple[int, str]] = set()

    def lean(self, first: int, second: int) -> float:
        """What a pair in that order is answered with, before noise."""
        return float(self.seen[first] - self.seen[second] + self.pairs[first, second] + self.biases[first, second])

    def logit(self, first: int, second: int) -> float:
        """The logit of one answer."""
        noisy = self.lean(first, second) + self.nature.call * self._rng.normal()
        return float(self.nature.logit(np.asarray(noisy)))

    def answer(self, prompt: JudgePrompt) -> Completion:
        """What the judge says to a prompt."""
        shown = [int(span.text) for span in prompt.user if span.source == "candidate"]
        space = prompt.space
        if isinstance(space, Scale):
            return self._paid(prompt, self._score(shown[0], space), 1)
        if isinstance(space, Choice):
            return self._paid(prompt, self._choice(shown, space), 1)
        return self._paid(prompt, self._text(shown, space), 3 * len(shown) if space.asks == "rank" else 1)

    def _score(self, one: int, space: Scale) -> Completion:
        """A score of 1.5 points to the unit around the middle of the scale, as the mean of two neighbouring steps."""
        mean = (space.low + space.high) / 2 + 1.5 * (self.seen[one] + self.nature.score * self._rng.normal())
        mean = min(max(mean, space.low), space.high - 1e-6)
        below = int(mean)
        steps = dict.fromkeys(space.labels, 0.0)
        steps[str(below)], steps[str(below + 1)] = 1 - (mean - below), mean - below
        return Completion(str(round(mean)), steps, label_mass=1.0)

    def _choice(self, shown: Sequence[int], space: Choice) -> Completion:
        p = 1 / (1 + np.exp(-self.logit(*shown)))
        return Completion(
            "AB"[int(p < 0.5)], {space.labels[0]: float(p), space.labels[1]: float(1 - p)}, label_mass=1.0
        )

    def _text(self, shown: Sequence[int], space: FreeText) -> Completion:
        if space.asks == "pair":
            first = self._rng.random() < 1 / (1 + np.exp(-self.logit(*shown)))
            return Completion(json.dumps({"verdict": "A" if first else "B"}))
        n, nature = len(shown), self.nature
        worth = self.seen[list(shown)] + nature.listing * (n / 4) ** 0.35 * self._rng.normal(size=n)
        worth -= nature.primacy * (np.arange(n) / (n - 1) - 0.5)
        return Completion(json.dumps({"ranking": [LETTERS[place] for place in np.argsort(-worth)]}))

    def _paid(self, prompt: JudgePrompt, completion: Completion, decoded: int) -> Completion:
        """The completion with its usage: a prefix that a prompt of this case had before is not computed again."""
        computed, whole, key = QUESTION, QUESTION, 0
        for span in (*prompt.system, *prompt.user):
            at = (key, span.text)
            key = hash(at)
            size = TOKENS.get(span.source, 0)
            whole += size
            computed += 0 if at in self._prefixes else size
            self._prefixes.add(at)
        usage = Usage(1, 0, whole, whole - computed, decoded)
        self.usage += usage
        return replace(completion, usage=usage)


RUBRIC: Final = Rubric(
    "quality",
    "1",
    "Quality",
    prompts=DEFAULT_PROMPTS,
    criteria=(Criterion("quality", "What is good.", "How good is it?", 1.0),),
    scale=STEPS,
)


@dataclass(frozen=True)
class Way:
    """A way of ranking: the method and the options."""

    options: Mapping[str, Any]
    method: str = "direct"
    card: PositionEstimate | None = None

    def brief(self) -> Brief:
        """What the protocol is told."""
        library = open_library()
        templates = {name: library.template(RUBRIC, name) for name in ("rank", "compare", "score")}
        options = options_from(self.options, "rank")
        brief = Brief("rank", RUBRIC, templates, options, "judge", self.method, position=self.card)
        check_brief(brief)
        return brief


def _ways(card: PositionEstimate | None = None) -> dict[str, Way]:
    text = {"reading": "json"}
    return {
        "listwise x1": Way({"strategy": "listwise", **text}, "cot"),
        "listwise x5": Way({"strategy": "listwise", "repeats": 5, **text}, "cot"),
        "round-robin both, sampled": Way({"strategy": "round-robin", "orders": "both", **text}, "cot"),
        "round-robin both": Way({"strategy": "round-robin", "orders": "both"}),
        "round-robin": Way({"strategy": "round-robin"}, card=card),
        "pairs": Way({"strategy": "pairs"}, card=card),
        "pointwise": Way({"strategy": "pointwise"}),
        "pointwise+pairs": Way({"strategy": "pointwise+pairs"}, card=card),
        "auto": Way({"strategy": "auto"}, card=card),
    }


@dataclass
class Outcome:
    """What a way came to, case by case."""

    strategies: set[str] = field(default_factory=set)
    tau: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    computed: list[int] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)

    def add(self, told: Ranking, tau: float, paid: Usage) -> None:
        """Counts one ranking in."""
        self.strategies.add(told.strategy)
        self.tau.append(tau)
        self.calls.append(paid.judge_calls)
        self.computed.append(paid.computed_tokens)
        self.decoded.append(paid.completion_tokens)

    def line(self, name: str) -> str:
        """A row of the table."""
        tau, error = mean_and_error(self.tau)
        calls, computed, decoded = (float(np.mean(x)) for x in (self.calls, self.computed, self.decoded))
        ran = "/".join(sorted(self.strategies))
        return f"{name:28} {tau:6.3f} ± {error:.3f} {calls:7.1f} {computed:9,.0f} {decoded:7.0f}  {ran}"


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / len(values) ** 0.5)


def ranked(world: World, brief: Brief) -> Ranking:
    """One case put before the judge, by the service's own protocol."""
    deliberation = ranking(world.case, brief)
    prompts = next(deliberation)
    try:
        while True:
            prompts = deliberation.send([world.answer(prompt) for prompt in prompts])
    except StopIteration as end:
        finding: Finding = end.value
    assert isinstance(finding.verdict, Ranking)
    return finding.verdict


def agreement(told: Ranking, true: np.ndarray) -> float:
    """Kendall's tau with the true order, over pairs."""
    assert told.scores is not None
    scores = np.asarray([told.scores[unnamed(place)] for place in range(len(true))])
    one, other = np.triu_indices(len(true), 1)
    return float(np.mean(np.sign(scores[one] - scores[other]) * np.sign(true[one] - true[other])))


def run(n: int, cases: int, nature: Nature, ways: Mapping[str, Way]) -> dict[str, Outcome]:
    """All ways over the same cases."""
    outcomes = {name: Outcome() for name in ways}
    briefs = {name: way.brief() for name, way in ways.items()}
    for case in range(cases):
        for name, brief in briefs.items():
            world = World(n, nature, (n, case))
            outcomes[name].add(told := ranked(world, brief), agreement(told, world.true), world.usage)
    return outcomes


def card_of(nature: Nature, audits: int = AUDITS) -> PositionEstimate:
    """What audits of pairs in both orders tell of a judge."""
    worlds = [World(2, nature, (2, 10**6, case)) for case in range(audits)]
    both = [Audit(clipped(w.logit(0, 1)), clipped(w.logit(1, 0)), i % 2 == 0) for i, w in enumerate(worlds)]
    told = bias_of(both)
    band = one_order_band(both, [told.mean] * audits)
    here = {"": DomainBias(audits, told.mean, band)}
    return PositionEstimate("bench", audits, told.mean, told.spread, told.signal, told.saturated, here)


def target(n: int, outcomes: Mapping[str, Outcome], way: str = "auto") -> str:
    """Whether a way is as good as what it is to replace, and cheap enough."""
    name, most, what = TARGETS[n]
    ours, theirs = outcomes[way], outcomes[name]
    gain, error = mean_and_error(np.subtract(ours.tau, theirs.tau).tolist())
    paid, instead = (ours.calls, theirs.calls) if what == "calls" else (ours.computed, theirs.computed)
    share = float(np.mean(paid) / np.mean(instead))
    good, cheap = gain >= -error, share <= most + 1e-9
    return (
        f"target n={n}: {way} against {name}: tau {gain:+.3f} ± {error:.3f} ({'met' if good else 'NOT met'}), "
        f"{what} x{share:.3f} of at most x{most:g} ({'met' if cheap else 'NOT met'})"
    )


def _show(title: str, outcomes: Mapping[str, Outcome]) -> None:
    cases = len(next(iter(outcomes.values())).tau)
    print(f"\n{title}; {cases} cases\n{'':28} {'tau':>6}   {'±':5} {'calls':>7} {'computed':>9} {'decoded':>7}  ran")
    for name, outcome in outcomes.items():
        print(outcome.line(name))


def _scenario(title: str, nature: Nature, n: int, cases: int) -> None:
    card = card_of(nature)
    band = card.domains[""].band
    text = _ways()["listwise x5"]
    ways = {
        "listwise x5": text,
        "auto": _ways()["auto"],
        "auto with a card": _ways(card)["auto"],
        "auto, audited, with a card": Way({"strategy": "auto", "orders": "audited"}, card=card),
        "round-robin both": _ways()["round-robin both"],
    }
    _show(f"{title}, n={n}", run(n, cases, nature, ways))
    known = f"bias {card.bias:.2f}, spread {card.spread:.2f}, signal {card.signal:.2f}, saturated {card.saturated:.2f}"
    print(f"card of {card.audited} audits: {known}, band {'none' if band is None else f'{band:.2f}'}")


def report(scale: float = 1.0, sizes: Sequence[int] = (4, 8, 16)) -> list[str]:
    """Prints the tables; a line to each target.

    Args:
        scale: of the numbers of cases.
        sizes: numbers of candidates.
    """
    lines = []
    for n in sizes:
        outcomes = run(n, max(2, int(CASES.get(n, 100) * scale)), Nature(), _ways())
        _show(f"n={n}", outcomes)
        lines += [target(n, outcomes, way) for way in ("auto", "pairs", "pointwise+pairs") if n in TARGETS]
    for n in (8, 16):
        cases = max(2, int(CASES[n] * scale / 2))
        _scenario("the judge above", Nature(), n, cases)
        _scenario("logits squashed at 1.5", Nature(limit=1.5), n, cases)
        _scenario("bias varies as much as quality", Nature(spread=1.0), n, cases)
    return lines


def main() -> None:
    """The tables and whether the targets are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of cases")
    parser.add_argument("--sizes", type=int, nargs="*", default=[4, 8, 16], help="numbers of candidates")
    told = parser.parse_args()
    start = time.perf_counter()
    print("\n" + "\n".join(report(told.scale, told.sizes)))
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
