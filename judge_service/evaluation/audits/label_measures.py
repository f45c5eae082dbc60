"""What a judge's verdicts are worth against people's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from judge_service.domain.digests import draw
from judge_service.evaluation.audits.card_measures import slices_of
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import by_slice, mean_of, measured
from judge_service.evaluation.audits.sights import Sight
from judge_service.evaluation.audits.verbosity import UNIDENTIFIED, Sized, verbosity_of
from judge_service.statistics.calibrate import Quality, quality_of
from judge_service.statistics.estimates import Estimate

NO_TEXTS: Final = "the judgments carry no texts (--include case writes them along)"
WITHOUT: Final = "no labels (--label FIELD or --labels FILE names some)"
_DRAWS: Final = 200


def labelled_measures(sights: Sequence[Sight]) -> Iterator[Measure]:
    """Accuracy, by slice too, and calibration; a tie that only one side calls is half right."""
    labelled = [s for s in sights if s.label is not None and s.won is not None and s.called]
    yield _accuracy("accuracy", labelled)
    for slice_of in slices_of(sights):
        yield from by_slice(labelled, slice_of, _accuracy, "accuracy")
    yield _brier(labelled)
    yield _ece(labelled)


def verbosity_measures(sights: Sequence[Sight]) -> Iterator[Measure]:
    """Whether the judge prefers what is long, beyond what people prefer."""
    pairs = [
        Sized(s.cluster, s.won, s.lengths, s.label) for s in sights if s.won is not None and s.lengths and s.called
    ]
    found = verbosity_of(pairs)
    for name in ("bias", "more_than_people", "picks_longer"):
        told: Estimate = getattr(found, name)
        why = NO_TEXTS if not pairs else told.why
        if pairs and found.identified is None:
            why = UNIDENTIFIED
        yield Measure(f"verbosity.{name}", told.value, told.low, told.high, told.n, "share", why)


def quality_on(sights: Sequence[Sight]) -> Quality | None:
    """How good the probabilities of labelled cases are; None without any."""
    told = [(s.probability, s.label) for s in sights if s.label is not None and s.probability is not None and s.called]
    if not told:
        return None
    return quality_of([probability for probability, _ in told], [label for _, label in told])


def _accuracy(name: str, labelled: Sequence[Sight]) -> Measure:
    right = [(s.cluster, 1.0 - abs((s.won or 0.0) - (s.label or 0.0))) for s in labelled]
    return mean_of(name, right, "share", "" if labelled else WITHOUT, most=1.0)


def _brier(labelled: Sequence[Sight]) -> Measure:
    errors = [(s.cluster, ((s.probability or 0.0) - (s.label or 0.0)) ** 2) for s in labelled]
    return mean_of("calibration.brier", errors, "share", "" if labelled else WITHOUT, most=1.0)


def _ece(labelled: Sequence[Sight]) -> Measure:
    """Its interval is of a bootstrap over prompts: percentiles of 200 draws, the same whatever the order of rows."""
    quality = quality_on(labelled)
    if quality is None:
        return measured("calibration.ece", None, "share", WITHOUT)
    ordered = sorted(labelled, key=lambda each: (each.cluster, each.case_id))
    told = np.asarray([(s.probability or 0.0, s.label or 0.0) for s in ordered], dtype=np.float64)
    places: dict[str, list[int]] = {}
    for place, sight in enumerate(ordered):
        places.setdefault(sight.cluster, []).append(place)
    note = f"{quality.by_chance:.3f} would be of chance alone"
    if len(places) < 2:
        return Measure("calibration.ece", quality.ece, None, None, len(labelled), "share", note)
    drawn = [quality_of(*told[rows].T.tolist()).ece for rows in _draws(list(places.values()), draw(*places))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measure("calibration.ece", quality.ece, float(low), float(high), len(labelled), "share", note)


def _draws(groups: Sequence[Sequence[int]], seed: int) -> Iterator[npt.NDArray[np.intp]]:
    """Rows of as many groups as there are, drawn with replacement."""
    rng = np.random.default_rng(seed)
    alone = len(groups) == sum(map(len, groups))
    for _ in range(_DRAWS):
        chosen = rng.integers(0, len(groups), size=len(groups))
        # Where each group is one row, its number is the row's.
        yield chosen if alone else np.concatenate([np.asarray(groups[group]) for group in chosen])
