"""Judgments that were made elsewhere, as votes in candidate space. A source is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from judge_service.imports import alpaca_eval, arena_hard, mt_bench, ultrafeedback
from judge_service.imports.told import Source

SOURCES: Final[Mapping[str, Source]] = {
    "ultrafeedback": ultrafeedback.SOURCE,
    "alpaca-eval": alpaca_eval.SOURCE,
    "arena-hard": arena_hard.SOURCE,
    "mt-bench": mt_bench.SOURCE,
}
"""By the name that `--from` takes."""
