"""What a report may not hold: numbers that are none, and rows that do not fit their columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

from judge_service.reports.page import Histogram, Intervals, Matrix, Plot, Reliability, Report, Scatter, Table


def check(report: Report) -> None:
    """Sees that all of a report can be shown.

    Raises:
        ValueError: a number is infinite or none at all, or a table or plot has not the shape it should have; the
            message names the section and the plot.
    """
    for section in report.sections:
        for part in (*section.tables, *section.plots):
            for fault in _faults(part):
                raise ValueError(f"{section.title}: {part.title}: {fault}")


def _faults(part: Table | Plot) -> Iterator[str]:
    if any(isinstance(number, float) and not math.isfinite(number) for number in _numbers(part)):
        yield "a number is infinite or none at all"
    if isinstance(part, Table) and any(len(row) != len(part.columns) for row in part.rows):
        yield "a row has not as many cells as there are columns"
    if isinstance(part, Matrix):
        yield from _matrix_faults(part)
    if isinstance(part, Histogram):
        yield from _histogram_faults(part)
    if isinstance(part, Intervals) and any((row.low is None) != (row.high is None) for row in part.rows):
        yield "an interval has one end"
    if isinstance(part, Reliability) and any(not 0 <= s <= 1 or not 0 <= t <= 1 or n < 0 for s, t, n in part.bins):
        yield "a share is not between 0 and 1"


def _matrix_faults(matrix: Matrix) -> Iterator[str]:
    if len(matrix.values) != len(matrix.rows) or any(len(row) != len(matrix.columns) for row in matrix.values):
        yield "there is not a value for each row and column"
    if matrix.least >= matrix.most:
        yield "the least value is not below the most"


def _histogram_faults(histogram: Histogram) -> Iterator[str]:
    edges, counts = histogram.edges, histogram.counts
    if counts and len(edges) != len(counts) + 1:
        yield "there is not one more edge than there are counts"
    if any(low >= high for low, high in pairwise(edges)):
        yield "edges do not rise"
    if any(count < 0 for count in counts):
        yield "a count is below zero"


def _numbers(part: Table | Plot) -> Iterable[object]:
    if isinstance(part, Table):
        return [cell for row in part.rows for cell in row]
    if isinstance(part, Intervals):
        return [part.reference, *(end for row in part.rows for end in (row.value, row.low, row.high))]
    if isinstance(part, Matrix):
        return [part.least, part.most, *(value for row in part.values for value in row)]
    if isinstance(part, Scatter):
        return [*(n for point in (*part.points, *part.line) for n in point), *part.references]
    return [*part.edges, *part.counts] if isinstance(part, Histogram) else [n for b in part.bins for n in b]
