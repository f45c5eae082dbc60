"""Judgments on many cases as lines: which come when, and what becomes of them when one fails or the caller goes."""

import asyncio
import json
from typing import Any

import pytest
from test_watching import judged

from judge_service.api.lines import lines


async def written(judgment_at: Any, cases: list[Any]) -> list[list[int]]:
    """The places in each piece that goes out."""
    pieces = [piece async for piece in lines(judgment_at, cases)]
    return [[json.loads(line)["index"] for line in piece.splitlines()] for piece in pieces]


async def test_every_case_has_one_line_with_its_place_as_soon_as_it_is_ready():
    gates = [asyncio.Event() for _ in range(5)]

    async def judgment_at(place: int, gate: asyncio.Event) -> Any:
        await gate.wait()
        for later in gates[:place][-1:]:
            later.set()
        return judged()

    gates[4].set()
    pieces = await written(judgment_at, gates)
    assert [place for piece in pieces for place in piece] == [4, 3, 2, 1, 0]
    assert len(pieces) > 1


async def test_what_is_ready_together_goes_out_together():
    async def judgment_at(place: int, case: Any) -> Any:
        return judged()

    pieces = await written(judgment_at, [None] * 100)
    assert sorted(place for piece in pieces for place in piece) == list(range(100))
    assert len(pieces) <= 5


async def test_first_cases_are_asked_about_before_the_last_have_begun():
    begun: list[int] = []
    asked_after: dict[int, int] = {}

    async def judgment_at(place: int, case: Any) -> Any:
        begun.append(place)
        for _ in range(3):
            # The layers between a case and the call to its judge.
            await asyncio.sleep(0)
        asked_after[place] = len(begun)
        return judged()

    await written(judgment_at, [None] * 64)
    assert asked_after[0] < 32


async def test_an_error_is_raised_and_the_rest_is_ended():
    ended: list[int] = []

    async def judgment_at(place: int, case: Any) -> Any:
        try:
            await asyncio.sleep(0.01 if place == 1 else 60)
        except asyncio.CancelledError:
            ended.append(place)
            raise
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        await written(judgment_at, [None] * 3)
    await asyncio.sleep(0)
    assert ended == [0, 2]


async def test_a_caller_that_goes_ends_all():
    ended: list[int] = []

    async def judgment_at(place: int, case: Any) -> Any:
        try:
            await asyncio.sleep(60 * place)
        finally:
            ended.append(place)
        return judged()

    stream = lines(judgment_at, [None] * 3)
    await anext(stream)
    await stream.aclose()
    await asyncio.sleep(0)
    assert ended == [0, 1, 2]


async def test_no_cases_have_no_lines():
    assert await written(None, []) == []
