"""Reports of any shape, and what stands in the pages made of them."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import accumulate

from hypothesis import strategies as st
from markdown_it import MarkdownIt

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
    "</script><script>x</script>",
    "</style></title></svg><img src=x onerror=x>",
    "\"' onload=x y='",
    "<!-- &lt;b ]]>",
    "| a \\",
    "`x` *y* _z_ [l](u) ![i](u) $m$ ~~s~~ # - + 1. > ",
    "\u202e\x00\x1b[31m\u2028\ud800",
    "<http://a.b> 模型",
)
texts = st.text(max_size=20) | st.sampled_from(HOSTILE)
numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
shares = st.floats(0, 1)
few = {"max_size": 4}


@st.composite
def tables(draw) -> Table:
    width = draw(st.integers(1, 4))
    cells = st.none() | texts | numbers | st.integers(-(10**9), 10**9)
    rows = draw(st.lists(st.tuples(*[cells] * width), **few))
    return Table(
        draw(texts), tuple(draw(texts) for _ in range(width)), tuple(rows), draw(texts), draw(st.integers(0, 4))
    )


@st.composite
def rows_of_intervals(draw) -> Ranged:
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Ranged(draw(texts), value, *((low, high) if draw(st.booleans()) else (None, None)))


@st.composite
def matrices(draw) -> Matrix:
    names = [tuple(draw(st.lists(texts, **few))) for _ in range(2)]
    rows, columns = (names[0], names[0]) if draw(st.booleans()) else names
    values = tuple(tuple(draw(st.none() | numbers) for _ in columns) for _ in rows)
    return Matrix(draw(texts), rows, columns, values, -1e6, 1e6, draw(st.integers(0, 3)), draw(texts))


@st.composite
def histograms(draw) -> Histogram:
    counts = tuple(draw(st.lists(st.integers(0, 10**6), **few)))
    widths = draw(st.lists(st.sampled_from([0.05, 0.5, 1.0, 30.0]), min_size=len(counts), max_size=len(counts)))
    return Histogram(draw(texts), tuple(accumulate([draw(numbers), *widths])), counts, draw(texts), draw(texts))


pairs = st.tuples(numbers, numbers)
plots = st.one_of(
    st.builds(
        Intervals,
        texts,
        st.lists(rows_of_intervals(), **few).map(tuple),
        texts,
        st.none() | numbers,
        texts,
    ),
    matrices(),
    st.builds(Scatter, texts, st.lists(pairs, max_size=60).map(tuple), texts, texts, st.lists(pairs, **few).map(tuple)),
    histograms(),
    st.builds(
        Reliability, texts, st.lists(st.tuples(shares, shares, st.integers(0, 99)), **few).map(tuple), texts, texts
    ),
)
sections = st.builds(
    Section,
    texts,
    st.lists(texts, max_size=2).map(tuple),
    st.lists(tables(), max_size=2).map(tuple),
    st.lists(plots, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
)
reports = st.builds(
    Report,
    texts,
    st.lists(texts, max_size=3).map(tuple),
    st.lists(sections, max_size=2).map(tuple),
    st.dictionaries(texts, texts, max_size=2),
    st.dictionaries(texts, numbers, max_size=2),
)


class Seen(HTMLParser):
    """A page as a parser has it.

    Attributes:
        tags: with the names of their attributes.
        tables: rows of cells.
        embedded: what stands in scripts.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.tables: list[list[list[str]]] = []
        self.embedded: list[str] = []
        self._inside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self._inside.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if self._inside and self._inside[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self._inside and self._inside[-1] == "script":
            self.embedded.append(data)


def tables_in_markdown(page: str) -> list[list[list[str]]]:
    """Rows of cells of each table; nothing in the page may be more than words."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(page):
        assert token.type != "html_block", token.content
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("td_open", "th_open"):
            found[-1][-1].append("")
        elif token.type == "inline":
            assert {child.type for child in token.children} <= {"text"}, token.content
            if found and found[-1] and found[-1][-1] and token.level and _in_cell(token):
                found[-1][-1][-1] = "".join(child.content for child in token.children)
    return found


def _in_cell(token) -> bool:
    return token.level >= 4
