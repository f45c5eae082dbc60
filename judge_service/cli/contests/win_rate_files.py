"""Win rates in AlpacaEval's files: `annotations.json`, and a row of its leaderboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.win_rates import WinRate
from judge_service.exports.grouped import annotation
from judge_service.files.disk import replace_whole
from judge_service.files.packing import write_lines

COLUMNS: Final = (
    "",
    "win_rate",
    "standard_error",
    "n_wins",
    "n_wins_base",
    "n_draws",
    "n_total",
    "discrete_win_rate",
    "mode",
    "avg_length",
    "length_controlled_winrate",
    "lc_standard_error",
)
"""Of AlpacaEval's leaderboards; the first, without a name, is the model's."""
MODE: Final = "community"


def write_annotations(path: str, rates: Iterable[WinRate], annotator: str) -> None:
    """Every comparison as an annotation, the baseline's answer first; what has no verdict has no preference.

    Raises:
        InvalidOption: texts are not known.
    """
    rows = [_annotation(c.turned(), annotator) for one in rates for c in one.comparisons]
    write_lines(path, (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows), "rows")


def _annotation(comparison: Comparison, annotator: str) -> dict[str, Any]:
    if comparison.texts is None or comparison.asked is None:
        raise InvalidOption(
            f"case '{comparison.case_id}' has no texts to write: give the file that was judged with --cases",
            "annotations",
        )
    # A tie of theirs is 1.5, whatever the soft verdict says of a pair that is as good as even.
    soft = 0.5 if comparison.won == 0.5 else comparison.soft
    preference = None if soft is None else 2.0 - soft
    names, category = comparison.models, comparison.category or ""
    return annotation(comparison.asked, comparison.texts, names, category, annotator, preference)


def write_leaderboard(
    path: str, rates: Sequence[WinRate], controlled: Mapping[str, tuple[float, float | None]]
) -> None:
    """Each model's row in a leaderboard: in the place of the one it has, or added; other rows stay as they are.

    Args:
        rates: each with a win rate.
        controlled: by model, its length-controlled win rate and the standard error, in percent.

    Raises:
        InvalidRequest: the file is no leaderboard.
    """
    columns, rows = _leaderboard(Path(path))
    for one in rates:
        own = {name: value for name, value in rows.get(one.model, {}).items() if name not in COLUMNS}
        rows[one.model] = {**own, **_row(one, controlled.get(one.model))}
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows.values())
    replace_whole(Path(path), [out.getvalue().encode()])


def _row(one: WinRate, controlled: tuple[float, float | None] | None) -> dict[str, Any]:
    rate = one.rate
    assert rate.soft is not None
    assert rate.discrete is not None
    lengths = [len(c.texts[0]) for c in one.comparisons if c.texts is not None]
    error = rate.standard_error
    return {
        "": one.model,
        "win_rate": 100.0 * rate.soft.value,
        "standard_error": "" if error is None else 100.0 * error,
        "n_wins": rate.wins,
        "n_wins_base": rate.losses,
        "n_draws": rate.draws,
        "n_total": rate.total,
        "discrete_win_rate": 100.0 * rate.discrete.value,
        "mode": MODE,
        "avg_length": int(sum(lengths) / len(lengths)) if lengths else "",
        "length_controlled_winrate": "" if controlled is None else controlled[0],
        "lc_standard_error": "" if controlled is None or controlled[1] is None else controlled[1],
    }


def _leaderboard(path: Path) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The columns and the rows, by model, of a leaderboard that is there, or of a new one."""
    if not path.exists():
        return list(COLUMNS), {}
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise InvalidRequest(f"{path}: {e}") from None
    if not columns:
        return list(COLUMNS), {}
    if "" not in columns or "win_rate" not in columns:
        raise InvalidRequest(f"{path} is no leaderboard: its columns are {', '.join(columns)}"[:300])
    return [*columns, *[name for name in COLUMNS if name not in columns]], {row[""]: row for row in rows}
