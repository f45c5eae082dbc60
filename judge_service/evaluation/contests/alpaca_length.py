"""AlpacaEval 2's own length-controlled win rate, on the inputs that its code takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.domain.frozen import frozen
from judge_service.statistics.lasso import Problem, cross_validated_lasso
from judge_service.statistics.logistic import sigmoid

FloatArray = npt.NDArray[np.float64]

REGULARISED: Final = "length_controlled_v1"
UNREGULARISED: Final = "length_controlled_noreg"
MINIMAL: Final = "length_controlled_minimal"

MISREAD: Final = (
    "in a share of its cross-validation the model won nothing at all, which alpaca_eval 0.6.6 reads as having won "
    "everything: the number is what it reports, and is too near to 50"
)

TO_BASELINE: Final = 0.2
"""What the answers of gamed baselines weigh in all; there are two of these, so that each row weighs half of it."""
SPLITS: Final = 5
SEED: Final = 123


class Gamed(NamedTuple):
    """A row of AlpacaEval's `df_gamed.csv`: the baseline told to be brief or wordy, judged against itself.

    Attributes:
        preference: that the gamed answer is better, in [0, 1]; None where it was not judged.
        length: the baseline's length over the gamed answer's, in standard deviations.
        difficulty: of the instruction.
        is_gamed: False of a row of another model, which weighs 1.
    """

    preference: float | None
    length: float
    difficulty: float
    is_gamed: bool = True


@frozen
class AlpacaLengthControlled:
    """What `alpaca_eval` reports as length-controlled.

    Attributes:
        win_rate: percent.
        standard_error: `lc_standard_error`, percent: how predictions differ between prompts, over root n. It holds
            nothing of the drawing of the verdicts, and is no error of the win rate; None where the formula predicts
            the same of every prompt, of which AlpacaEval makes 0.
        formula: the name of it in AlpacaEval.
        weights: by AlpacaEval's names.
        cost: scikit-learn's C that cross-validation chose.
        caveat: why the number is AlpacaEval's and yet not to be trusted; "" where nothing is known against it.
    """

    win_rate: float
    standard_error: float | None
    formula: str
    weights: Mapping[str, float]
    cost: float
    n: int
    caveat: str = ""


def alpaca_length_controlled(
    preferences: Sequence[float | None],
    lengths: Sequence[tuple[int, int]],
    difficulties: Sequence[float] | None = None,
    gamed: Sequence[Gamed] = (),
) -> AlpacaLengthControlled | str:
    """AlpacaEval 2's regression: preference on the tanh of the length difference, difficulty and the model.

    Dubois, Galambosi, Liang and Hashimoto 2024 (arXiv:2404.04475), as alpaca_eval 0.6.6 computes it: a difference is of
    characters, the baseline's over the model's, over its standard deviation; coefficients are held by their absolute
    values (liblinear's L1, no intercept of its own), how strongly by five shares; the win rate is the mean prediction
    at no difference over all prompts, judged or not. What the inputs allow decides on the formula: with the gamed
    baselines `length_controlled_v1`, AlpacaEval's default, with difficulties alone `length_controlled_noreg`, and
    without either `length_controlled_minimal`. It depends on the order of the rows by the shares, as theirs does.

    Args:
        preferences: that the model is better than the baseline, in [0, 1]; None where it was not judged.
        lengths: of the model's answer and of the baseline's, in characters.
        difficulties: of the instructions, one to each row.
        gamed: AlpacaEval's; only along with difficulties.

    Returns:
        The finding, or why there is none.
    """
    judged = np.asarray([preference is not None for preference in preferences], dtype=np.bool_)
    length = np.asarray([baseline - model for model, baseline in lengths], dtype=np.float64)
    spread = float(length.std(ddof=1)) if len(length) > 1 else 0.0
    if int(judged.sum()) < SPLITS:
        return f"{int(judged.sum())} judged prompts are fewer than the {SPLITS} shares of its cross-validation"
    if spread == 0.0:
        return "every two answers differ by the same number of characters"
    columns = [np.tanh(length / spread), *([] if difficulties is None else [np.asarray(difficulties)])]
    rows = np.column_stack([*columns, np.ones(len(length))])
    outcomes = np.asarray([np.nan if told is None else told for told in preferences], dtype=np.float64)
    others = _gamed_rows(gamed) if difficulties is not None else []
    problem = Problem(
        np.vstack([*(row for row, _, _ in others), rows[judged]]),
        np.concatenate([[told for _, told, _ in others], outcomes[judged]]),
        np.concatenate([[weight for _, _, weight in others], np.ones(int(judged.sum()))]),
    )
    weights, cost, misread = cross_validated_lasso(problem, SPLITS, SEED)
    rows[:, 0] = 0.0
    chances = 100.0 * sigmoid(rows @ weights)
    error = None if difficulties is None else float(chances.std(ddof=1)) / len(chances) ** 0.5
    formula = MINIMAL if difficulties is None else REGULARISED if gamed else UNREGULARISED
    names = ("np.tanh(std_delta_len)", *(() if difficulties is None else ("instruction_difficulty",)))
    named = dict(zip((*names, "not_gamed_baseline.astype(float)"), weights.tolist(), strict=True))
    caveat = MISREAD if misread else ""
    return AlpacaLengthControlled(float(chances.mean()), error, formula, named, cost, int(judged.sum()), caveat)


def _gamed_rows(gamed: Sequence[Gamed]) -> list[tuple[list[float], float, float]]:
    return [
        ([float(np.tanh(row.length)), row.difficulty, float(not row.is_gamed)], row.preference, weight)
        for row in gamed
        if row.preference is not None
        for weight in [TO_BASELINE / 2.0 if row.is_gamed else 1.0]
    ]
