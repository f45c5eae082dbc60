"""Reports in their three forms: the same numbers in each, and nothing but words from whatever is in them."""

import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_reports import HOSTILE, Seen, numbers, plots, reports, tables_in_markdown, texts

from judge_service.cli.reporting import check_report, write_report
from judge_service.errors import InvalidOption, RunRefused
from judge_service.reports.drawing.axis import axis
from judge_service.reports.drawing.lettering import fitted, lines_of, width_of
from judge_service.reports.drawing.pictures import NARROW, WIDE, picture
from judge_service.reports.gathering import counted, trend
from judge_service.reports.html import as_html
from judge_service.reports.markdown import as_markdown
from judge_service.reports.numbers import as_json
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
from judge_service.reports.plot_tables import digits_for, is_empty, table_of
from judge_service.reports.wording import fixed, on_one_line, shown


def of(*plots, tables=()):
    return Report("Title", (), (Section("Section", (), tables, plots),), {})


def expected(report):
    """What the tables of the report say, as text."""
    found = []
    for section in report.sections:
        drawn = [table_of(plot) for plot in section.plots if not is_empty(plot)]
        for table in (*drawn, *section.tables):
            if table.rows:
                rows = [table.columns, *([shown(cell, table.digits) for cell in row] for row in table.rows)]
                found.append([[on_one_line(cell) for cell in row] for row in rows])
    return found


@given(reports)
@settings(max_examples=80)
def test_all_forms_hold_the_same_numbers(report):
    page, told = Seen(as_html(report)), expected(report)
    assert page.tables == told
    assert tables_in_markdown(as_markdown(report)) == told
    assert len(page.embedded) == 1
    assert json.loads(page.embedded[0]) == json.loads(as_json(report))


@given(reports)
@settings(max_examples=50)
def test_numbers_in_json_are_whole(report):
    told = json.loads(as_json(report))
    assert told["numbers"] == dict(report.numbers)
    for section, record in zip(report.sections, told["sections"], strict=True):
        assert [[*map(list, table.rows)] for table in section.tables] == [table["rows"] for table in record["tables"]]
        for plot, drawn in zip(section.plots, record["plots"], strict=True):
            assert drawn["object"] == type(plot).__name__.lower()
            if isinstance(plot, Scatter):
                assert [tuple(point) for point in drawn["points"]] == [*plot.points]
            if isinstance(plot, Intervals):
                assert [row["value"] for row in drawn["rows"]] == [row.value for row in plot.rows]


@given(reports)
@settings(max_examples=50)
def test_no_text_makes_an_element_or_an_attribute_of_its_own(report):
    seen = Seen(as_html(report)).tags
    assert [tag for tag, _ in seen].count("script") == 1
    assert {tag for tag, _ in seen} <= KNOWN_TAGS
    assert {name for _, names in seen for name in names} <= KNOWN_ATTRIBUTES


KNOWN_TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "main", "header", "h1", "h2", "h3", "p", "div", "ul"),
    *("li", "nav", "a", "section", "figure", "figcaption", "details", "summary", "table", "thead", "tbody", "tr"),
    *("th", "td", "dl", "dt", "dd", "script", "svg", "g", "text", "tspan", "desc", "line", "circle", "rect"),
    "polyline",
}
KNOWN_ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id", "scope", "tabindex", "role"),
    *("aria-label", "aria-labelledby", "type", "xmlns", "viewbox", "width", "height", "x", "y", "x1", "y1", "x2"),
    *("y2", "cx", "cy", "r", "points", "text-anchor", "dominant-baseline", "transform", "fill-opacity", "data-points"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stands_nowhere_as_it_is(name):
    plots = (
        Intervals(name, (Ranged(name, 1.0, 0.0, 2.0),), name, note=name),
        Matrix(name, (name,), (name,), ((1.0,),), 0, 2, note=name),
        Scatter(name, ((0.0, 1.0),), name, name, note=name),
        Histogram(name, (0.0, 1.0), (1,), name, name),
        Reliability(name, ((0.5, 0.5, 1),), name, name, name),
    )
    table = Table(name, (name,), ((name,),), name)
    report = Report(name, (name,) * 2, (Section(name, (name,), (table,), plots, (name,)),), {name: name}, name)
    plain = replace(report, title="x")
    assert len(Seen(as_html(report)).tags) == len(Seen(as_html(plain)).tags)
    for form in (as_html, as_markdown):
        assert not re.search("[\x00\x1b\u202e\u2028\ud800]", form(report))
    tables_in_markdown(as_markdown(report))


def test_a_page_asks_for_nothing_and_lets_nothing_run():
    page = as_html(Report("Title", (), (), {}))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "script-src" not in policy[1]
    assert "unsafe" not in policy[1]
    assert "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "url(" not in page
    assert "@import" not in page


NONE = (math.nan, math.inf, -math.inf)


@pytest.mark.parametrize("form", [as_html, as_markdown, as_json])
@pytest.mark.parametrize("bad", NONE)
def test_a_number_that_is_none_is_refused_with_its_place(form, bad):
    wrong = (
        of(Intervals("Plot", (Ranged("m", bad),), "x")),
        of(Intervals("Plot", (Ranged("m", 1.0, 0.0, bad),), "x")),
        of(Intervals("Plot", (), "x", bad)),
        of(Matrix("Plot", ("a",), ("b",), ((bad,),), 0, 1)),
        of(Scatter("Plot", ((0.0, bad),), "x", "y")),
        of(Scatter("Plot", (), "x", "y", ((0.0, 0.0), (bad, 1.0)))),
        of(Scatter("Plot", (), "x", "y", references=(bad,))),
        of(Histogram("Plot", (0.0, bad), (1,), "x")),
        of(Reliability("Plot", ((0.5, bad, 1),), "x", "y")),
        of(tables=(Table("Plot", ("a",), ((bad,),)),)),
    )
    for report in wrong:
        with pytest.raises(ValueError, match=r"^Section: Plot: "):
            form(report)


@pytest.mark.parametrize(
    "plot",
    [
        Matrix("Plot", ("a",), ("b",), (), 0, 1),
        Matrix("Plot", ("a",), ("b",), ((1.0, 2.0),), 0, 1),
        Matrix("Plot", ("a",), ("b",), ((1.0,),), 1, 1),
        Histogram("Plot", (0.0, 1.0), (1, 2), "x"),
        Histogram("Plot", (0.0, 1.0, 1.0), (1, 2), "x"),
        Histogram("Plot", (0.0, 1.0), (-1,), "x"),
        Intervals("Plot", (Ranged("m", 1.0, 0.0),), "x"),
        Reliability("Plot", ((1.5, 0.5, 1),), "x", "y"),
    ],
)
def test_a_plot_of_the_wrong_shape_is_refused(plot):
    with pytest.raises(ValueError, match=r"^Section: Plot: "):
        as_html(of(plot))


def test_a_row_that_does_not_fit_its_columns_is_refused():
    with pytest.raises(ValueError, match="as many cells"):
        as_markdown(of(tables=(Table("Plot", ("a", "b"), ((1,),)),)))


@given(plots.filter(lambda plot: not is_empty(plot)), st.sampled_from([WIDE, NARROW]))
def test_every_number_of_a_plot_has_its_mark(plot, width):
    drawn = len(re.findall(r'class="mark[ "]', picture(plot, width, "p")))
    if isinstance(plot, Intervals):
        assert drawn == len(plot.rows)
    elif isinstance(plot, Matrix):
        assert drawn == sum(value is not None for row in plot.values for value in row)
    elif isinstance(plot, Scatter):
        assert drawn == len(plot.points)
    elif isinstance(plot, Histogram):
        assert drawn == sum(count > 0 for count in plot.counts)
    else:
        assert drawn == sum(count > 0 for _, _, count in plot.bins)


def test_points_by_the_thousand_are_counted_and_none_is_lost():
    points = tuple((math.sin(i) * i, math.cos(i * i)) for i in range(20_000))
    page = as_html(of(Scatter("Many", points, "x", "y")))
    for width in ("wide", "narrow"):
        svg = page.partition(f'class="{width}-only')[2].partition("</div>")[0]
        assert sum(map(int, re.findall(r'data-points="(\d+)"', svg))) == 20_000
    assert "20,000 points, counted in small cells" in page
    assert len(page) < 1_000_000


def test_an_empty_plot_says_so_in_words():
    page = as_html(of(Intervals("None", (), "x"), Histogram("Zeros", (0.0, 1.0), (0,), "x")))
    assert page.count("There is nothing to draw here") == 2
    assert "<svg" not in page


@given(st.lists(numbers, min_size=1, max_size=20))
def test_ticks_are_round_and_their_labels_differ(values):
    found = axis(values, 0.0, 700.0)
    assert all(found.low <= value <= found.high for value in values)
    assert all(-1e-6 <= found.at(value) <= 700 + 1e-6 for value in values)
    labels = [found.told(tick) for tick in found.ticks]
    assert len(labels) == len(set(labels)) >= 1
    assert all(
        float(label.replace(",", "").replace("\N{MINUS SIGN}", "-")) == pytest.approx(tick, abs=1e-9)
        for label, tick in zip(labels, found.ticks, strict=True)
    )


@given(texts, st.floats(20, 300))
def test_a_shortened_name_fits_its_room(told, room):
    short = fitted(told, room)
    assert width_of(short) <= room
    assert short == on_one_line(told) or short.endswith("…")
    assert all(width_of(line) <= room for line in lines_of(told, room))


@given(st.lists(st.floats(0, 1), max_size=100), st.integers(1, 20))
def test_a_histogram_counts_each_value_once(values, bars):
    edges = [i / bars for i in range(bars + 1)]
    found = counted("W", values, edges, "W")
    assert sum(found.counts) == len(values)
    for value in values:
        assert found.counts[next(i for i in range(bars) if value < edges[i + 1] or i == bars - 1)]


def test_a_value_beyond_the_edges_is_refused():
    with pytest.raises(ValueError, match="beyond"):
        counted("W", [1.5], [0.0, 1.0], "W")


def test_a_trend_joins_the_means_of_groups():
    assert trend([(i, 2.0 * i) for i in range(99)]) == ()
    assert trend([(i, 2.0 * i) for i in range(100)]) == tuple((4.5 + 10 * i, 9.0 + 20 * i) for i in range(10))


@pytest.mark.parametrize(
    ("value", "digits", "told"), [(-0.004, 2, "0.00"), (1234.5, 1, "1,234.5"), (-0.05, 2, "-0.05"), (-0.0, 0, "0")]
)
def test_fractions_have_their_decimals_and_nothing_is_minus_zero(value, digits, told):
    assert fixed(value, digits) == told


def test_decimals_tell_values_apart_and_do_not_follow_the_noise_of_floats():
    assert digits_for([30.0, 70.0]) == 1
    assert digits_for([0.50, 0.58]) == 3
    assert digits_for([0.4, 0.4 + 1e-16]) == 2
    assert digits_for([]) == 2


@pytest.mark.parametrize("ending", [".html", ".md", ".json", ".HTML"])
def test_the_ending_says_the_form_and_folders_are_made(tmp_path, ending):
    file = tmp_path / "new" / f"out{ending}"
    write_report(str(file), Report("A title", (), (), {}))
    assert "A title" in file.read_text()
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("path", ["out.pdf", "out", "-", "out.html.gz", ".html"])
def test_another_ending_is_refused_in_one_line(path):
    with pytest.raises(InvalidOption) as refused:
        check_report(path)
    assert refused.value.message == f"--report names a file that ends in .html, .md, .json; got {path}"
    assert refused.value.param == "report"


def test_a_folder_or_an_input_is_refused(tmp_path):
    (tmp_path / "out.html").mkdir()
    with pytest.raises(InvalidOption, match="that is a folder"):
        check_report(str(tmp_path / "out.html"))
    with pytest.raises(RunRefused, match="overwrite the input"):
        check_report(str(tmp_path / "in.json"), [tmp_path / "in.json"])


def test_no_report_is_written_where_none_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_report("")
    write_report("", Report("A title", (), (), {}))
    assert [*tmp_path.iterdir()] == []


def test_what_stood_there_stands_there_still_if_a_report_cannot_be_made(tmp_path):
    file = tmp_path / "out.html"
    file.write_text("before")
    with pytest.raises(ValueError, match="none at all"):
        write_report(str(file), of(Intervals("Plot", (Ranged("m", math.nan),), "x")))
    assert file.read_text() == "before"
    assert [*tmp_path.iterdir()] == [file]
