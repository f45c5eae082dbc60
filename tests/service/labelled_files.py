"""Judgments with people's labels, in files as the product writes them, and the commands that audit them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import typer
from click.testing import Result
from programs import write_rows
from typer.testing import CliRunner

from judge_service.cli.audits.calibration import calibration
from judge_service.cli.audits.escalation import escalation
from judge_service.domain.judgments import JudgeIdentity, Judgment, Named, Provenance
from judge_service.domain.records import record_of
from judge_service.domain.verdicts import Preference, Usage
from judge_service.statistics.debias import sigmoid

JUDGE = JudgeIdentity("default", "vllm", "m", "r", 0, "sha256:judge")
DEARER = JudgeIdentity("large", "vllm", "xl", "r", 0, "sha256:large")


def judgment(case_id: str, logit: float, judge: JudgeIdentity = JUDGE, **more: Any) -> Judgment:
    """A judged pair, as a judge with log-probabilities leaves it."""
    method = more.pop("method", "direct")
    winner = "a" if logit > 0 else "b" if logit < 0 else "tie"
    how = Provenance(
        "0.1.0", "pairwise", method, 0, method, Named("r", "1", "sha256:r"), Named("p", None, "sha256:p"), (judge,)
    )
    given = {
        "id": f"jdg_{case_id}",
        "kind": "preference",
        "status": "judged",
        "created": "2026-01-01T00:00:00.000Z",
        "case_id": case_id,
        "case_digest": "sha256:c",
        "run_digest": "sha256:d",
        "candidates": ("a", "b"),
        "models": {"a": None, "b": None},
        "verdict": Preference(winner, sigmoid(logit), logit, True, 0.0, "logprobs", "mean-logit"),
        "votes": (),
        "provenance": how,
        "usage": Usage(),
    }
    return Judgment(**{**given, **more})


def written(path: Path, judgments: Sequence[Judgment]) -> str:
    """A file of judgments."""
    return write_rows(path, [orjson.loads(orjson.dumps(record_of(each))) for each in judgments])


def judged_by_two(count: int, seed: int = 0) -> tuple[list[Judgment], list[Judgment], list[float]]:
    """The same cases as a cheap judge and a dearer one have them, and the log-odds with which people choose a.

    People's own noise, and the judges', are those of a published simulation: the cheap one agrees with them on 77 %.
    """
    rng = np.random.default_rng(seed)
    gap = rng.normal(size=count)
    labels = np.where(rng.random(count) < 1 / (1 + np.exp(-5 * gap)), "a", "b")
    cheap = 2 * (gap + 0.75 * rng.normal(size=count))
    dear = 4 * (gap + 0.4 * rng.normal(size=count))
    more = [
        {"metadata": {"human": str(label), "set": "even" if k % 2 == 0 else "odd"}} for k, label in enumerate(labels)
    ]
    return (
        [judgment(f"c{k}", float(z), **more[k]) for k, z in enumerate(cheap)],
        [judgment(f"c{k}", float(z), DEARER, **more[k]) for k, z in enumerate(dear)],
        list(map(float, gap)),
    )


def audited(*argv: str) -> Result:
    """One of the audit commands, run in this process."""
    app = typer.Typer()
    app.command("escalation")(escalation)
    app.command("calibration")(calibration)
    return CliRunner().invoke(app, argv)
