"""What a judge's liking for long answers does to a win rate: AlpacaEval's estimate, and one with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.alpaca_length import (
    REGULARISED,
    AlpacaLengthControlled,
    alpaca_length_controlled,
)
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.controls import Controlled, controlled, effects_record, percent, raw_rate, usable
from judge_service.evaluation.contests.difficulty import Difficulties
from judge_service.statistics.logistic import sigmoid

FloatArray = npt.NDArray[np.float64]

LENGTH: Final = "length"
ALSO_QUALITY: Final = "what is taken off is all that comes with length: bias, and quality that longer answers have"


@frozen
class LengthFinding:
    """Two estimates of the win rate between answers of one length.

    Attributes:
        equal: ours: a win rate at no length difference with an interval clustered by prompt, and the effect of length.
        alpaca: what `alpaca_eval` would report of the same verdicts, or why it cannot.
        mean_lengths: of the first model's answers and of the second's, in characters; None without texts.
        difficulty: how hard prompts are: "given", "not given", or why what was given is of no use.
        standard: characters of one standard difference; None where lengths tell nothing. The effect is per unit of the
            tanh of a difference over it.
    """

    equal: Controlled
    alpaca: AlpacaLengthControlled | str
    mean_lengths: tuple[float, float] | None
    difficulty: str
    standard: float | None


def length_finding(
    comparisons: Sequence[Comparison], difficulties: Difficulties | None = None, confidence: float = 0.95
) -> LengthFinding:
    """Both estimates of one pair of models.

    Without difficulties both leave them out: AlpacaEval's by the formula that it has for this
    (`length_controlled_minimal`), so that neither is what its leaderboard shows.

    Args:
        comparisons: of one pair of models, the evaluated one first, in the order of AlpacaEval's set if its numbers are
            to come out.
        difficulties: as AlpacaEval's files tell them.
        confidence: in (0, 1).

    Raises:
        ValueError: they are of several pairs of models.
    """
    told = None if difficulties is None else difficulties.of(comparisons)
    hard = told if isinstance(told, list) else None
    seen = [
        (one, len(one.texts[0]), len(one.texts[1]), None if hard is None else hard[place])
        for place, one in enumerate(comparisons)
        if one.texts is not None
    ]
    known = None if hard is None else [number for _, _, _, number in seen if number is not None]
    judged = None if hard is None else [n for one, _, _, n in seen if one.soft is not None and n is not None]
    alpaca = alpaca_length_controlled(
        [one.soft for one, _, _, _ in seen],
        [(first, second) for _, first, second, _ in seen],
        known,
        () if difficulties is None or hard is None else difficulties.gamed,
    )
    equal = length_controlled(comparisons, judged, confidence)
    means = (fmean(row[1] for row in seen), fmean(row[2] for row in seen)) if seen else None
    difficulty = told if isinstance(told, str) else "not given" if told is None else "given"
    return LengthFinding(equal, alpaca, means, difficulty, _standard(length_gaps(comparisons)))


def length_controlled(
    comparisons: Sequence[Comparison], difficulties: Sequence[float] | None = None, confidence: float = 0.95
) -> Controlled:
    """The win rate of the first model between answers of one length, with an interval clustered by prompt.

    AlpacaEval's model of what length does (the tanh of the difference in characters over its standard deviation),
    fitted without holding anything back.

    Args:
        comparisons: of one pair of models, named in one order.
        difficulties: of each that is judged and has texts.
        confidence: in (0, 1).

    Raises:
        ValueError: they are of several pairs of models, or difficulties are not as many as comparisons that count.
    """
    kept, left_out = usable(comparisons)
    others = np.empty((len(kept), 0)) if difficulties is None else np.asarray(difficulties, dtype=np.float64)[:, None]
    if len(others) != len(kept):
        raise ValueError(f"{len(others)} difficulties for {len(kept)} comparisons")
    gaps = length_gaps(kept)
    standard = _standard(gaps)
    if standard is not None and gaps.min() * gaps.max() > 0.0:
        # tanh is flat out there: what the fit says of no difference would be an extrapolation to anything.
        why = "one model's answers are always the longer ones: what is judged at equal length was never seen"
        return Controlled(raw_rate(kept, confidence), None, {}, left_out, why, confidence)
    if standard is not None:
        return controlled(kept, np.tanh(gaps / standard)[:, None], (LENGTH,), others, left_out, confidence)
    if gaps.any():
        raw = raw_rate(kept, confidence)
        return Controlled(raw, None, {}, left_out, "every two answers differ by one number of characters", confidence)
    return controlled(kept, np.empty((len(kept), 0)), (), others, left_out, confidence)


def length_gaps(comparisons: Sequence[Comparison]) -> FloatArray:
    """By how many characters the first answer is longer, of each that is judged and has texts, shape (n,)."""
    kept, _ = usable(comparisons)
    return np.asarray([len(one.texts[0]) - len(one.texts[1]) for one in kept if one.texts], dtype=np.float64)


def _standard(gaps: FloatArray) -> float | None:
    spread = float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0
    return spread or None


def length_points(comparisons: Sequence[Comparison]) -> tuple[tuple[float, float], ...]:
    """What a plot of the length bias shows: characters that the first answer is longer, and the soft outcome."""
    kept, _ = usable(comparisons)
    softs = [one.soft for one in kept if one.soft is not None]
    return tuple(zip(length_gaps(kept).tolist(), softs, strict=True))


def length_curve(finding: LengthFinding, gaps: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The fitted P(the first wins) at differences in characters, beside those points; empty without a fit.

    Through the controlled win rate at no difference; exact where difficulties were not given.
    """
    effect, rate = finding.equal.effects.get(LENGTH), finding.equal.rate
    if effect is None or rate is None or finding.standard is None or not 0.0 < rate.value < 1.0:
        return ()
    level = math.log(rate.value / (1.0 - rate.value))
    chances = sigmoid(level + effect.logits * np.tanh(np.asarray(gaps, dtype=np.float64) / finding.standard))
    return tuple(zip(map(float, gaps), chances.tolist(), strict=True))


def length_record(finding: LengthFinding) -> dict[str, Any]:
    """Both estimates for JSON: rates in percent, the effect in logits per standard difference of length.

    `length_controlled_win_rate` and `lc_standard_error` are AlpacaEval's own, by the formula that is named;
    `length_adjusted` is ours, and the one that has an interval.
    """
    equal, alpaca = finding.equal, finding.alpaca
    effect = effects_record(equal.effects).get(LENGTH)
    return {
        **_alpaca_record(alpaca),
        "length_adjusted": {**percent(equal.rate), "confidence": equal.confidence, "reason": equal.reason or None},
        "length_effect": None if effect is None else {**effect, "characters": finding.standard},
        "length_taken_off": equal.taken_off,
        "length_raw": percent(equal.raw),
        "mean_lengths": None if finding.mean_lengths is None else list(finding.mean_lengths),
        "length_difficulty": finding.difficulty,
        "length_left_out": dict(equal.left_out),
        "length_note": ALSO_QUALITY,
    }


def _alpaca_record(alpaca: AlpacaLengthControlled | str) -> dict[str, Any]:
    if isinstance(alpaca, str):
        return {"length_controlled_win_rate": None, "lc_standard_error": None, "lc_reason": alpaca}
    return {
        "length_controlled_win_rate": alpaca.win_rate,
        "lc_standard_error": alpaca.standard_error,
        "lc_formula": alpaca.formula,
        "lc_weights": dict(alpaca.weights),
        "lc_caveat": alpaca.caveat or None,
    }


def length_lines(finding: LengthFinding) -> list[str]:
    """What a terminal shows of it, a few lines."""
    return [*_equal_lines(finding), *_alpaca_lines(finding)]


def _equal_lines(finding: LengthFinding) -> list[str]:
    equal, effect = finding.equal, finding.equal.effects.get(LENGTH)
    if equal.rate is None or equal.raw is None:
        return [f"at equal length: no win rate: {equal.reason}"]
    told = percent(equal.rate)
    interval = "" if told["low"] is None else f", {100 * equal.confidence:g}% {told['low']:.2f} to {told['high']:.2f}"
    lines = [
        f"at equal length: {told['win_rate']:.2f}%{interval} ({100 * equal.raw.value:.2f}% raw on the same "
        f"{told['n']} comparisons of {told['prompts']} prompts)"
    ]
    if effect is not None and finding.standard is not None:
        lines.append(
            f"  {finding.standard:.0f} characters more move the odds by {math.tanh(1.0) * effect.logits:+.2f} logits "
            f"({math.tanh(1.0) * effect.low:+.2f} to {math.tanh(1.0) * effect.high:+.2f}); {ALSO_QUALITY}"
        )
    return lines


def _alpaca_lines(finding: LengthFinding) -> list[str]:
    alpaca = finding.alpaca
    if isinstance(alpaca, str):
        return [f"length-controlled as AlpacaEval 2: none: {alpaca}"]
    error = "" if alpaca.standard_error is None else f", lc_standard_error {alpaca.standard_error:.2f}"
    without = "" if alpaca.formula == REGULARISED else f"; its leaderboard's takes df_gamed.csv: {finding.difficulty}"
    lines = [f"length-controlled as AlpacaEval 2: {alpaca.win_rate:.2f}%{error} ({alpaca.formula}{without})"]
    return [*lines, f"  {alpaca.caveat}"] if alpaca.caveat else lines
