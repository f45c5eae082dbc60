"""The pages of real commands in the browser: all that they hold is drawn, fits, and stays by itself."""

from __future__ import annotations

import json

import commands
import pytest
import pytest_asyncio
from browser import opened
from measuring import beyond, overlaps, pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = {
    "win-rate": {"intervals", "histogram", "scatter"},
    "leaderboard": {"intervals", "matrix"},
    "card": {"scatter", "histogram", "intervals", "reliability"},
    "position": {"scatter"},
    "calibration": {"reliability"},
    "rankings": {"histogram"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab():
    async with opened() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return commands.make(tmp_path_factory.mktemp("commands"))


def marks(plot) -> int:
    """How many marks a plot of the page's own JSON has."""
    if plot["object"] == "matrix":
        return sum(value is not None for row in plot["values"] for value in row)
    if plot["object"] == "histogram":
        return sum(count > 0 for count in plot["counts"])
    if plot["object"] == "reliability":
        return sum(count > 0 for _, _, count in plot["bins"])
    return len(plot["rows"] if plot["object"] == "intervals" else plot["points"])


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [420, 1200])
async def test_every_plot_is_drawn_and_every_number_has_its_mark(tab, files, tmp_path, name, width):
    await tab.open(files[name], width)
    record = json.loads(await tab.run("document.getElementById('numbers').textContent"))
    expected = [plot for section in record["sections"] for plot in section["plots"]]
    found = await pictures(tab)
    assert {picture["kind"] for picture in found if not picture.get("empty")} >= PAGES[name]
    for picture, plot in zip(found, expected, strict=True):
        assert picture["kind"] == plot["object"]
        if not picture.get("empty"):
            assert len(picture["marks"]) == marks(plot) > 0
            assert not beyond(picture), plot["title"]
            assert not overlaps(picture), plot["title"]
    await tab.screenshot(tmp_path / f"{name}-{width}.png")


@pytest.mark.parametrize("name", PAGES)
async def test_nothing_is_fetched_complained_of_or_cut_off(tab, files, tmp_path, name):
    await tab.open(files[name])
    assert tab.requests == [files[name].as_uri()]
    assert tab.complaints == []
    for width in (320, 420, 681, 1200):
        await tab.resize(width)
        assert await tab.run("document.scrollingElement.scrollWidth") <= width, width
    # What a sheet of A4 has between its margins.
    await tab.resize(658)
    await tab.ask("Emulation.setEmulatedMedia", media="print")
    wide = await tab.run("document.scrollingElement.scrollWidth")
    await tab.ask("Emulation.setEmulatedMedia", media="")
    assert wide <= 658
    assert len(await tab.printed(tmp_path / f"{name}.pdf")) > 5_000


@pytest.mark.parametrize("name", PAGES)
async def test_words_in_tables_stay_whole(tab, files, name):
    await tab.open(files[name])
    script = """[...document.querySelectorAll('table th, table td')].filter((cell) => cell.textContent.trim().length > 2
        && cell.getClientRects().length && cell.clientWidth < 30).map((cell) => cell.textContent)"""
    assert await tab.run(script) == []


async def test_a_hostile_model_is_named_and_nothing_comes_of_it(tab, files):
    for name in ("win-rate", "leaderboard"):
        await tab.open(files[name])
        assert "</script><b>hostile" in await tab.run("document.body.innerText")
        assert await tab.run("document.querySelectorAll('b').length + document.scripts.length") == 1
