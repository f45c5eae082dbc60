"""Measures the tiny judge on held-out texts, with transformers and the product's own protocols.

`python tests/engine/tiny_judge/evaluate.py [--model FOLDER] [--count N] [--json FILE]`. These are figures about a toy
in a toy's world; they say nothing about real judges.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

import torch
from asking import MODEL, brief_for, findings
from reference import Reference
from world import Exercise, Quality, exercises

from judge_service.domain.parsing import unnamed
from judge_service.domain.verdicts import Finding, Preference, Ranking, Scorecard, Vote

PAIRS: Final[Sequence[tuple[str, str, Quality, dict[str, Any]]]] = (
    ("warm", "tiny-warm", "warm", {}),
    ("exact", "tiny-exact", "exact", {}),
    ("warm, late", "tiny-warm-late", "warm", {}),
    ("exact, late", "tiny-exact-late", "exact", {}),
    ("both criteria", "tiny-both", "both", {}),
    ("one principle", "tiny-values", "warm", {"principle": "warm"}),
    ("each principle", "tiny-values", "both", {"principle": "per-principle"}),
    ("all principles", "tiny-values", "both", {}),
    ("wrong criterion", "tiny-warm", "exact", {}),
)
_QUALITIES: Final[tuple[Quality, ...]] = ("warm", "exact", "both")
_BY_NAME: Final[dict[str, Quality]] = {"warm": "warm", "exact": "exact"}
_RANKINGS: Final[dict[str, dict[str, Any]]] = {
    "in a list": {"strategy": "listwise", "repeats": 4},
    "by pairs": {"strategy": "pairs"},
    "by scores": {"strategy": "pointwise"},
}
_BINS: Final = 10


def pair_figures(judge: Reference, rubric: str, quality: Quality, count: int, **options: Any) -> dict[str, float]:
    """Accuracy with one order (the mean of the two) and with both, bias and calibration of a rubric on pairs."""
    pairs = list(exercises("pairs", count, apart=quality))
    found = findings([pair.case for pair in pairs], brief_for("compare", rubric, **options), judge.answer)
    verdicts = [finding.verdict for finding in found if isinstance(finding.verdict, Preference)]
    best = [pair.best(quality) for pair in pairs]
    votes = [row for finding, pair in zip(found, pairs, strict=True) for row in _votes(finding, pair, quality)]
    return {
        "best first": mean(_names(vote, name) for vote, name in votes if vote.order[0] == name),
        "best second": mean(_names(vote, name) for vote, name in votes if vote.order[0] != name),
        "one order": mean(_names(vote, name) for vote, name in votes),
        "both orders": mean(verdict.winner == name for verdict, name in zip(verdicts, best, strict=True)),
        "swapped labels": mean(not _names(vote, name) for vote, name in votes),
        "bias": mean(verdict.position_bias or 0.0 for verdict in verdicts),
        "slope": _slope(pairs, verdicts, quality),
        "calibration error": _calibration_error(pairs, verdicts, quality),
        "label mass": mean(vote.label_mass or 0.0 for vote, _ in votes),
    }


def _votes(finding: Finding, pair: Exercise, quality: Quality) -> Iterator[tuple[Vote, str]]:
    """Each vote with the candidate it should name; votes by a criterion in which the two are level are left out."""
    for vote in finding.votes:
        own: Quality = _BY_NAME.get(vote.criterion or vote.principle or "", quality)
        one, other = (text.worth(own) for text in pair.texts)
        if one != other:
            yield vote, pair.best(own)


def _names(vote: Vote, best: str) -> bool:
    return (vote.probabilities or {})[best] > 0.5


def _slope(pairs: Sequence[Exercise], verdicts: Sequence[Preference], quality: Quality) -> float:
    """The debiased logit for one step of the quality, by least squares through 0."""
    gaps = [pair.texts[0].worth(quality) - pair.texts[1].worth(quality) for pair in pairs]
    told = sum(gap * (verdict.logit or 0.0) for gap, verdict in zip(gaps, verdicts, strict=True))
    return told / sum(gap * gap for gap in gaps)


def _calibration_error(pairs: Sequence[Exercise], verdicts: Sequence[Preference], quality: Quality) -> float:
    """The expected calibration error of the debiased probabilities against this world's raters, in ten bins."""
    bins: dict[int, list[float]] = {}
    for pair, verdict in zip(pairs, verdicts, strict=True):
        probability = verdict.probability or 0.0
        bins.setdefault(min(_BINS - 1, int(probability * _BINS)), []).append(probability - pair.preference(quality))
    return sum(abs(sum(misses)) for misses in bins.values()) / len(pairs)


def score_figures(judge: Reference, rubric: str, quality: Quality, count: int) -> dict[str, float]:
    """How far scores are from the truth, on the scale from 1 to 5."""
    texts = list(exercises("scores", count, texts=1))
    found = findings([text.case for text in texts], brief_for("score", rubric), judge.answer)
    scores = [finding.verdict.score or 0.0 for finding in found if isinstance(finding.verdict, Scorecard)]
    misses = [abs(score - 1 - text.texts[0].worth(quality)) for score, text in zip(scores, texts, strict=True)]
    return {"mean error": mean(misses), "within a half": mean(miss < 0.5 for miss in misses)}


def rank_figures(judge: Reference, rubric: str, quality: Quality, count: int, **options: Any) -> dict[str, float]:
    """How often rankings of four texts name the best, and how many of their pairs stand in the right order."""
    lists = list(exercises("lists", count, texts=4, apart=quality))
    found = findings([one.case for one in lists], brief_for("rank", rubric, **options), judge.answer)
    verdicts = [finding.verdict for finding in found if isinstance(finding.verdict, Ranking)]
    firsts = [(verdict.ranking or ())[0] == one.best(quality) for verdict, one in zip(verdicts, lists, strict=True)]
    ordered = [_in_order(verdict, one, quality) for verdict, one in zip(verdicts, lists, strict=True)]
    return {"best first": mean(firsts), "pairs in order": mean(ordered)}


def _in_order(verdict: Ranking, exercise: Exercise, quality: Quality) -> float:
    worth = {unnamed(place): text.worth(quality) for place, text in enumerate(exercise.texts)}
    names = verdict.ranking or ()
    return mean(worth[one] > worth[other] for i, one in enumerate(names) for other in names[i + 1 :])


def figures(judge: Reference, count: int) -> dict[str, dict[str, float]]:
    """Everything that README.md tells."""
    out = {f"compare: {name}": pair_figures(judge, rubric, by, count, **how) for name, rubric, by, how in PAIRS}
    for quality in _QUALITIES:
        rubric = f"tiny-{quality}"
        out[f"score: {quality}"] = score_figures(judge, rubric, quality, count)
        for name, how in _RANKINGS.items():
            out[f"rank {name}: {quality}"] = rank_figures(judge, rubric, quality, count // 4, **how)
    return out


def main() -> None:
    """Prints the figures, and writes them down where told to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    torch.set_num_threads(2)
    found = figures(Reference(told.model), told.count)
    for name, row in found.items():
        print(f"{name:24}", "  ".join(f"{key} {value:.3f}" for key, value in row.items()), flush=True)
    if told.json:
        told.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
