"""win-rate: how often a model's answers are better than a baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import orjson
import typer

from judge_service.batch.rows import parse_fields
from judge_service.cli.win_rate_files import write_annotations, write_leaderboard
from judge_service.cli.win_rate_page import page
from judge_service.cli.win_rate_record import Found, record
from judge_service.contests.comparisons import Compared, comparisons_in
from judge_service.errors import InvalidOption
from judge_service.evaluation.paired_rates import difference_of
from judge_service.evaluation.rates import UNSCORED, Unscored
from judge_service.evaluation.win_rates import Unclear, WinRate, evenly_missing, pairings, win_rate
from judge_service.files.disk import check_output
from judge_service.files.packing import check_writable
from judge_service.files.sources import inputs_of

NO_HEADLINE: Final = 3
