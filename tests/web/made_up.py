"""Made-up reports: an ordinary one with every plot, large ones, empty ones, and one with hostile names."""

from __future__ import annotations

import math
import random

from judge_service.reports.page import (
    Histogram,
    Intervals,
    Matrix,
    Ranged,
    Reliability,
    Report,
    Scatter,
    Section,
    Table,
)

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "</style></svg><img src=x onerror=\"document.title='owned'\">",
    "\"' onload=document.title='owned' x='",
    "&lt;b&gt; <!-- ]]> --> ${7*7} {{7*7}} `x` | a \\",
    "\u202egnp.exe \x00\x1b[31m\u2028 \ud800",
    "𓀀﷽" + "Z̸̧͎͇͊͑͝" * 30,
    "模型" * 40,
    "http://example.com/a.png ![x](http://example.com/b.png)",
    "w" * 300,
)
MODELS = (
    "gpt-4.1-2025-04-14",
    "claude-sonnet-4-20250514",
    "Qwen3-235B-A22B-Instruct-2507",
    "DeepSeek-V3-0324",
    "Llama-3.3-70B-Instruct",
    "mistral-small-3.2-24b-instruct-2506-awq-int4-longcontext",
    "gemma-3-27b-it",
    "phi-4",
)


def ordinary() -> Report:
    """A leaderboard and a judge's audit on one page."""
    return Report(
        title="Eight models against gpt-4-turbo on 805 prompts",
        summary=(
            "gpt-4.1 wins 63.4 percent of its comparisons (95% interval 60.1 to 66.7), and claude-sonnet-4 cannot be "
            "told apart from it.",
            "Length explains 2.1 points of the difference between the first and the fifth.",
            "The judge prefers whatever is shown first by 0.21 logits; both orders were asked, so this cancels out.",
            "3 of 6,440 cases have no verdict, and are not counted.",
        ),
        sections=(
            Section(
                "Win rates",
                ("Each model's answers were compared with the baseline's, in both orders.",),
                tables=(leaderboard_table(),),
                plots=(win_rates(),),
                method=(
                    "Intervals are clustered by prompt with Student's t; a tie counts as half a win.",
                    "Where two intervals overlap the difference may still be clear: see the table of differences.",
                ),
            ),
            Section("Who beats whom", plots=(win_matrix(MODELS),)),
            Section(
                "The judge",
                ("Six hundred pairs were judged in both orders.",),
                plots=(bias(600), calibration(), agreement()),
                method=("The line is the mean of each tenth.",),
            ),
            Section("Length", plots=(length(1200),)),
        ),
        facts={
            "judge": "Qwen3-32B at http://127.0.0.1:8000/v1, revision 9216db57",
            "rubric": "alpaca-eval, version 1",
            "epoch": "sha256:5f1c7d3a9be0442a",
            "orders": "both, combined in logits",
            "cases": "6,440, of which 3 have no verdict",
            "made by": "judge-service 0.9.0",
        },
        numbers={"win_rate": 63.4, "standard_error": 1.68, "n_total": 805},
    )


def leaderboard_table() -> Table:
    """Eight rows."""
    rows = tuple((name, 63.4 - 4.87 * i, 1.68, 805, 500 - 40 * i, None if i else 3) for i, name in enumerate(MODELS))
    return Table(
        "Leaderboard",
        ("model", "win rate", "standard error", "comparisons", "wins", "unscored"),
        rows,
        "Win rates and their errors are percentages.",
    )


def win_rates(count: int = 8, reference: float | None = 50.0) -> Intervals:
    """So many models, some clear of the reference."""
    names = [MODELS[i % 8] + (f"-{i}" if i > 7 else "") for i in range(count)]
    rows = tuple(
        Ranged(name, v := 63.4 - 30 * i / max(count - 1, 1), v - 3.3 - i % 3, v + 3.3 + i % 3)
        for i, name in enumerate(names)
    )
    return Intervals("Win rate against gpt-4-turbo", rows, "Win rate, percent, with 95% interval", reference)


def win_matrix(names: tuple[str, ...]) -> Matrix:
    """Everyone against everyone but themselves."""
    values = tuple(
        tuple(None if i == j else 100 / (1 + math.exp((i - j) / 3)) for j in range(len(names)))
        for i in range(len(names))
    )
    return Matrix("Share of wins of the row over the column", names, names, values, 0, 100, note="Percent; ties half.")


def bias(count: int) -> Scatter:
    """Lean against the debiased logit."""
    drawn = random.Random(1)
    points = tuple((x := drawn.gauss(0, 2), 0.21 + 0.05 * x + drawn.gauss(0, 0.5)) for _ in range(count))
    line = tuple((x / 2, 0.21 + 0.025 * x) for x in range(-10, 11))
    return Scatter(
        "Lean to the first-shown answer",
        points,
        "What the judge thinks of the pair, debiased logit",
        "Lean to the first-shown, logits",
        line,
        (0.0,),
        "Above zero the judge leans to whatever is shown first.",
    )


def length(count: int) -> Scatter:
    """Preference against the difference in length."""
    drawn = random.Random(2)
    points = tuple((x := drawn.gauss(100, 900), 1 / (1 + math.exp(-x / 800 - drawn.gauss(0, 1)))) for _ in range(count))
    return Scatter("Preference by length", points, "How much longer the answer is, characters", "Preference", ())


def calibration() -> Reliability:
    """Ten bins, one of them empty."""
    bins = tuple((0.525 + 0.05 * i, 0.5 + 0.038 * i, 0 if i == 3 else 20 + i * i * 9) for i in range(10))
    return Reliability("Calibration", bins, "How sure the judge is", "Share that is right", "On labels not fitted to.")


def agreement() -> Histogram:
    """Kendall's W of 500 cases."""
    counts = (0, 1, 3, 2, 8, 11, 19, 21, 30, 41, 55, 48, 60, 57, 49, 38, 30, 21, 5, 1)
    return Histogram("Agreement among repeats", tuple(i / 20 for i in range(21)), counts, "Kendall's W", "Random: 0.2.")


def large() -> Report:
    """Fifty models and a hundred thousand points."""
    names = tuple(f"{MODELS[i % 8]}-{i}" for i in range(50))
    plots = (win_rates(50), win_matrix(names), bias(100_000))
    rows = tuple((name, i * 1.5, i) for i, name in enumerate(names))
    return Report(
        "Fifty models",
        ("There are fifty.",),
        (Section("All", plots=plots, tables=(Table("All of them", ("model", "rate", "place"), rows),)),),
        {"judge": "j"},
    )


def smallest() -> Report:
    """One row, one cell, one point, one bar, one bin; two of some."""
    plots = (
        Intervals("One value", (Ranged("phi-4", 51.2),), "Win rate, percent"),
        win_rates(2, None),
        Matrix("One cell", ("a",), ("b",), ((0.5,),), 0, 1, 2),
        win_matrix(("first", "second")),
        Scatter("One point", ((0.0, 0.0),), "x", "y"),
        Histogram("One bar", (0.0, 1.0), (7,), "W"),
        Histogram("Bars that differ in width", (0.0, 1.0, 10.0, 100.0), (7, 9, 200), "Tokens"),
        Reliability("One bin", ((0.5, 1.0, 1),), "said", "true"),
    )
    return Report("Little", (), (Section("Little", plots=plots),), {})


def empty() -> Report:
    """Nothing was found."""
    plots = (
        Intervals("No rows", (), "Win rate"),
        Matrix("No cells", (), (), (), 0, 1),
        Matrix("No values", ("a",), ("b",), ((None,),), 0, 1),
        Scatter("No points", (), "x", "y"),
        Histogram("No counts", (), (), "W"),
        Histogram("Only zeros", (0.0, 1.0), (0,), "W"),
        Reliability("No bins", ((0.5, 0.0, 0),), "said", "true"),
    )
    return Report("Nothing", ("Nothing was judged.",), (Section("Nothing", (), (Table("t", ("a",), ()),), plots),), {})


def hostile() -> Report:
    """Names that would like to be something else, wherever a name can stand."""
    some = HOSTILE[0]
    numbers = tuple(tuple(i + j * 1.0 for j in range(len(HOSTILE))) for i in range(len(HOSTILE)))
    plots = (
        Intervals(some, tuple(Ranged(name, i, i - 1, i + 1) for i, name in enumerate(HOSTILE)), HOSTILE[1], 3, some),
        Matrix(some, HOSTILE, HOSTILE, numbers, 0, 20, note=HOSTILE[3]),
        Matrix(some, HOSTILE, HOSTILE[::-1], numbers, 0, 20, note=HOSTILE[3]),
        Scatter(some, ((0.0, 1.0), (1.0, 2.0)), HOSTILE[1], HOSTILE[2], note=HOSTILE[4]),
        Histogram(some, (0.0, 1.0, 2.0), (1, 2), HOSTILE[1], HOSTILE[2]),
        Reliability(some, ((0.5, 0.6, 3),), HOSTILE[1], HOSTILE[2], HOSTILE[3]),
    )
    tables = (Table(some, HOSTILE, (HOSTILE, tuple(range(len(HOSTILE)))), HOSTILE[1]),)
    sections = (Section(some, HOSTILE, tables, plots, HOSTILE),)
    return Report(some, HOSTILE, sections, {name: name for name in HOSTILE}, {name: name for name in HOSTILE[:4]})
