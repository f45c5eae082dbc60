"""Reports as a browser shows them: all is drawn, nothing is cut off, nothing is fetched and nothing runs."""

from __future__ import annotations

import json
import re

import made_up
import pytest
import pytest_asyncio
from browser import opened
from measuring import beyond, contrasts, overlaps, pictures

from judge_service.cli.reporting import write_report
from judge_service.reports.numbers import as_json
from judge_service.reports.page import Histogram, Intervals, Matrix, Plot, Reliability, Report, Scatter

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPORTS = {told.__name__: told for told in (made_up.ordinary, made_up.large, made_up.smallest, made_up.hostile)}
WIDTHS = (320, 420, 680, 681, 900, 1200, 1920)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab():
    async with opened() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Every report, written as the commands write theirs."""
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in (*REPORTS, "empty")}
    for name, file in found.items():
        write_report(str(file), (REPORTS | {"empty": made_up.empty})[name]())
    return found


def drawn(plot: Plot) -> int | None:
    """How many marks a plot has; None where crowds are counted in cells."""
    if isinstance(plot, Intervals):
        return len(plot.rows)
    if isinstance(plot, Matrix):
        return sum(value is not None for row in plot.values for value in row)
    if isinstance(plot, Scatter):
        return len(plot.points) if len(plot.points) <= 1500 else None
    if isinstance(plot, Histogram):
        return sum(count > 0 for count in plot.counts)
    assert isinstance(plot, Reliability)
    return sum(count > 0 for _, _, count in plot.bins)


def plots(report: Report) -> list[Plot]:
    return [plot for section in report.sections for plot in section.plots]


@pytest.mark.parametrize("width", [420, 1200])
@pytest.mark.parametrize("name", REPORTS)
async def test_every_number_has_its_mark_within_its_picture(tab, files, name, width):
    await tab.open(files[name], width)
    found, expected = await pictures(tab), plots(REPORTS[name]())
    assert [picture["kind"] for picture in found] == [type(plot).__name__.lower() for plot in expected]
    for picture, plot in zip(found, expected, strict=True):
        assert picture["pictures"] == 1
        assert not beyond(picture), plot.title
        if drawn(plot) is None:
            assert isinstance(plot, Scatter)
            assert 100 < len(picture["marks"]) < len(plot.points)
            assert picture["points"] == len(plot.points)
        else:
            assert len(picture["marks"]) == drawn(plot)


@pytest.mark.parametrize("width", [420, 1200])
@pytest.mark.parametrize("name", REPORTS)
async def test_no_text_stands_upon_another(tab, files, name, width):
    await tab.open(files[name], width)
    assert [overlaps(picture) for picture in await pictures(tab)] == [[]] * len(plots(REPORTS[name]()))


@pytest.mark.parametrize("name", ["ordinary", "large", "smallest"])
async def test_names_fit_their_room_or_are_shortened(tab, files, name):
    await tab.open(files[name], 1200)
    labels = [text for picture in await pictures(tab) for text in picture["texts"] if text["room"]]
    assert labels
    assert [text["told"] for text in labels if text["width"] > text["room"] + 0.5] == []


@pytest.mark.parametrize("name", [*REPORTS, "empty"])
async def test_the_page_never_scrolls_sideways(tab, files, name):
    await tab.open(files[name])
    for width in WIDTHS:
        await tab.resize(width)
        assert await tab.run("document.scrollingElement.scrollWidth") <= width, width


@pytest.mark.parametrize("name", [*REPORTS, "empty"])
async def test_nothing_is_fetched_and_the_browser_has_nothing_to_say(tab, files, name):
    await tab.open(files[name])
    assert tab.requests == [files[name].as_uri()]
    assert tab.complaints == []


async def test_a_page_that_fetches_and_runs_would_be_caught(tab, tmp_path):
    page = tmp_path / "worse.html"
    page.write_text("<img src='http://192.0.2.1/a.png'><script>console.error('here')</script>")
    await tab.open(page)
    assert "http://192.0.2.1/a.png" in tab.requests
    assert tab.complaints


async def test_hostile_names_are_shown_and_nothing_comes_of_them(tab, files):
    await tab.open(files["hostile"])
    assert await tab.run("document.title") == made_up.HOSTILE[0]
    assert await tab.run("document.querySelector('h1').textContent") == made_up.HOSTILE[0]
    assert await tab.run("[...document.scripts].map((one) => one.type)") == ["application/json"]
    assert await tab.run("document.querySelectorAll('img, iframe, object, form, foreignObject, base').length") == 0
    handlers = "[...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name)))"
    assert await tab.run(f"{handlers}.length") == 0


async def test_a_script_would_not_run_even_if_it_stood_in_the_page(tab, files, tmp_path):
    planted = tmp_path / "planted.html"
    text = files["ordinary"].read_text()
    planted.write_text(text.replace("<main>", "<main><script>document.title = 'owned'</script>"))
    await tab.open(planted)
    assert await tab.run("document.title") == made_up.ordinary().title
    assert any("Content Security Policy" in told for told in tab.complaints)


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
async def test_the_page_carries_its_numbers_for_programs(tab, files, name):
    await tab.open(files[name])
    told = await tab.run("document.getElementById('numbers').textContent")
    assert json.loads(told) == json.loads(as_json(REPORTS[name]()))


async def test_empty_plots_say_so_in_words(tab, files):
    await tab.open(files["empty"])
    found = await pictures(tab)
    assert len(found) == len(plots(made_up.empty()))
    assert {picture.get("empty") for picture in found} == {"There is nothing to draw here: no values."}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_can_be_read(tab, files, scheme):
    await tab.open(files["ordinary"], scheme=scheme)
    told = await contrasts(tab)
    assert len(told) > 200
    assert [(text, ratio) for text, ratio in told if ratio < 4.5] == []


async def test_pictures_are_read_aloud_as_what_they_are(tab, files):
    await tab.open(files["ordinary"])
    for picture, plot in zip(await pictures(tab), plots(made_up.ordinary()), strict=True):
        assert picture["role"] == "img"
        assert picture["spoken"][0] == plot.title
        assert len(picture["spoken"][1]) > 10
    ids = await tab.run("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "most"), [("ordinary", 5), ("large", 7), ("empty", 2)])
async def test_a_page_prints_on_a_few_sheets_whatever_the_screen(tab, files, tmp_path, name, most):
    await tab.open(files[name], 420, scheme="dark")
    pdf = await tab.printed(tmp_path / f"{name}.pdf")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 1 <= pages <= most
    assert re.search(rb"/MediaBox\s*\[0 0 59[45][.\d]* 84[12]", pdf)


async def test_a_page_of_a_hundred_thousand_points_stays_small(files):
    assert files["large"].stat().st_size < 2_000_000


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (420, "light"), (1200, "dark"), (420, "dark")])
async def test_a_picture_of_the_page_is_kept_to_be_looked_at(tab, files, tmp_path, width, scheme):
    await tab.open(files["ordinary"], width, scheme=scheme)
    file = tmp_path / f"ordinary-{width}-{scheme}.png"
    await tab.screenshot(file)
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(file.read_bytes()[16:20], "big") == width
