"""--ratings: the candidates of the cases that are compared, each scored for itself under the same rubric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from judge_service.cli.flags import WhichJudge
from judge_service.cli.opened import opened_judging
from judge_service.cli.run import ALL_JUDGED, SOME_NOT_JUDGED, BatchFlags, run_batch
from judge_service.domain.options import Task, options_from
from judge_service.errors import InvalidOption
from judge_service.files.disk import STANDARD
from judge_service.files.sources import check_apart

_OF_COMPARISONS: Final = ("strategy", "orders", "ties", "escalate", "card")
"""Options that say how candidates are set against each other."""


async def run_rated(
    task: Task,
    options: Mapping[str, Any],
    which: WhichJudge,
    config: Path | None,
    wait: float,
    flags: BatchFlags,
    ratings: str,
) -> int:
    """Judges a file and then scores its candidates into a second output; the exit code of both.

    Both outputs have the same case ids, each is resumed as any output is, and what ends the first before its time
    leaves the second as it was.

    Args:
        ratings: where the scores go; "" for none.

    Raises:
        JudgeServiceError: nothing could be judged, or the rubric gives no scores; the message says why.
    """
    if not ratings:
        return await run_batch(task, options, which, config, wait, flags)
    _check(task, ratings, flags)
    told = rating_options(task, options)
    if not flags.server:
        # A rubric that cannot be scored by is told now, and not when all is compared.
        async with opened_judging("score", told, which, config, wait, ""):
            pass
    code = await run_batch(task, options, which, config, wait, flags)
    if code not in (ALL_JUDGED, SOME_NOT_JUDGED):
        return code
    rated = await run_batch("score", told, which, config, wait, replace(flags, output=ratings))
    return rated or code


def rating_options(task: Task, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that mean something where each candidate is scored for itself.

    Raises:
        InvalidOption: they do not go together.
    """
    # Repeats of whole rankings are no repeats of a score.
    left_out = (*_OF_COMPARISONS, "repeats") if task == "rank" else _OF_COMPARISONS
    told = {name: value for name, value in options.items() if name not in left_out}
    options_from(told, "score")
    return told


def _check(task: Task, ratings: str, flags: BatchFlags) -> None:
    if task == "score":
        raise InvalidOption("--ratings goes with compare and rank: score makes ratings itself", "ratings")
    if STANDARD in (ratings, flags.source):
        raise InvalidOption(
            "--ratings needs files: standard input is read once, and standard output is taken", "ratings"
        )
    if Path(ratings).resolve() == Path(flags.output).resolve():
        raise InvalidOption("--ratings and --output name the same file", "ratings")
    check_apart(ratings, flags.source)
