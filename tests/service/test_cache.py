"""The cache: what was asked once is not asked again, and what could change an answer is another question."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge_server import JudgeServer, error, tokens
from services import LIST, ONE, PAIR, RUBRIC, judged, opened, sqlite

CHANGES = ("created", "usage", "votes")


def kept(judgment: dict[str, Any]) -> dict[str, Any]:
    """A judgment without what tells whether it came from the cache."""
    votes = [{name: value for name, value in vote.items() if name != "cached"} for vote in judgment["votes"]]
    return {name: value for name, value in judgment.items() if name not in CHANGES} | {"votes": votes}


@pytest.mark.parametrize("store", ["sqlite", "memory"])
@pytest.mark.parametrize(("task", "case"), [("compare", PAIR), ("score", ONE), ("rank", LIST)])
async def test_a_second_pass_asks_nothing_and_answers_the_same(
    server: JudgeServer, tmp_path: Path, store: str, task: Any, case: Any
) -> None:
    url = sqlite(tmp_path / "c.db") if store == "sqlite" else "memory://"
    async with opened(server, cache=url) as service:
        first = await judged(service, case, task)
        calls = server.calls
        second = await judged(service, case, task)
    assert calls == first["usage"]["judge_calls"] > 0
    assert (server.calls, second["usage"]["judge_calls"], second["usage"]["cache_hits"]) == (calls, 0, calls)
    assert all(vote["cached"] for vote in second["votes"])
    assert kept(first) == kept(second)


async def test_what_a_closed_service_knew_the_next_one_knows(server: JudgeServer, tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(server, cache=sqlite(tmp_path / "c.db")) as service:
            await judged(service)
    assert server.calls == 2


async def test_texts_are_remembered_with_their_explanations(server: JudgeServer, tmp_path: Path) -> None:
    async with opened(server, cache=sqlite(tmp_path / "c.db")) as service:
        first, second = [await judged(service, method="cot") for _ in range(2)]
    assert server.calls == 2
    assert "Read with care." in second["votes"][0]["explanation"]
    assert kept(first) == kept(second)


async def test_without_explanations_the_verdict_in_a_text_is_kept_and_the_text_is_not(
    server: JudgeServer, tmp_path: Path
) -> None:
    cache = {"url": sqlite(tmp_path / "c.db"), "explanations": False}
    async with opened(server, more={"cache": cache}) as service:
        first, second = [await judged(service, method="cot") for _ in range(2)]
    assert server.calls == 2
    assert first["verdict"] == second["verdict"]
    files = b"".join(path.read_bytes() for path in tmp_path.glob("c.db*"))
    assert b"Read with care." not in files


async def test_the_orders_of_a_pair_are_separate_entries(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service, orders="one")
        assert server.calls == 1
        whole = await judged(service, orders="both")
    assert server.calls == 2
    assert sorted(vote["cached"] for vote in whole["votes"]) == [False, True]


async def test_repeats_are_separate_entries_and_more_of_them_ask_only_the_new_ones(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service, method="cot", repeats=2)
        assert server.calls == 4
        await judged(service, method="cot", repeats=5)
    assert server.calls == 10
    assert len({asked["seed"] for asked in server.asked}) == 5


async def test_a_failure_is_not_remembered(server: JudgeServer) -> None:
    server.next.extend([error(404), error(404)])
    async with opened(server) as service:
        failed = await judged(service)
        assert failed["status"] == "unscored"
        again = await judged(service)
    assert (again["status"], server.calls) == ("judged", 4)


async def test_refresh_asks_anew_and_remembers_the_new_answer(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service)
        server.rule = lambda asked: tokens({"A": 0.5, "B": 0.5})
        fresh = await judged(service, cache="refresh")
        assert (fresh["verdict"]["winner"], server.calls) == ("tie", 4)
        later = await judged(service)
    assert (later["verdict"]["winner"], server.calls) == ("tie", 4)


async def test_bypass_neither_looks_nor_remembers(server: JudgeServer) -> None:
    async with opened(server) as service:
        await judged(service, cache="bypass")
        await judged(service)
        assert server.calls == 4
        await judged(service, cache="bypass")
        assert server.calls == 6


async def test_only_never_asks_and_says_what_it_did_not_know(server: JudgeServer) -> None:
    async with opened(server) as service:
        unknown = await judged(service, cache="only")
        assert (unknown["status"], unknown["failure"]["kind"]) == ("unscored", "judge_unavailable")
        await judged(service)
        known = await judged(service, cache="only")
    assert (known["status"], server.calls) == ("judged", 2)


MISSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the model": ({"model": "other"}, {}),
    "its revision": ({"revision": "2"}, {}),
    "its sampling": ({"sampling": {"top_p": 0.5}}, {}),
    "its template": ({"template_kwargs": {"enable_thinking": False}}, {}),
    "the rubric": ({}, {"rubric": "honesty"}),
    "a rubric's text": ({}, {"rubric": {**RUBRIC, "criteria": [{**RUBRIC["criteria"][0], "text": "Is it really?"}]}}),
    "the method": ({}, {"method": "cot"}),
    "ties": ({}, {"ties": "allow"}),
}


@pytest.mark.parametrize("change", list(MISSES))
async def test_what_could_change_an_answer_is_another_question(
    server: JudgeServer, tmp_path: Path, change: str
) -> None:
    judge, options = MISSES[change]
    async with opened(server, cache=sqlite(tmp_path / "c.db")) as service:
        await judged(service, **({"rubric": RUBRIC} if "rubric" in options else {}))
    async with opened(server, cache=sqlite(tmp_path / "c.db"), **judge) as service:
        await judged(service, **options)
    assert server.calls == 4


async def test_an_edited_prompt_is_another_question(server: JudgeServer, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "prompts" / "compare.md"
    mine = tmp_path / "mine" / "prompts" / "compare.md"
    mine.parent.mkdir(parents=True)
    mine.write_text(shipped.read_text().replace("which response to the prompt is better?", "which is better?"))
    for rubrics in ("", str(tmp_path / "mine")):
        async with opened(server, cache=sqlite(tmp_path / "c.db"), more={"rubrics": rubrics}) as service:
            await judged(service)
    assert server.calls == 4


@pytest.mark.parametrize(
    "texts",
    [
        {"prompt": "Name a prime number!"},
        {"candidates": [PAIR["candidates"][0], "8 (worth 1) "]},
        {"reference": "7"},
        {"context": "Primes have two divisors."},
    ],
    ids=lambda texts: next(iter(texts)),
)
async def test_another_text_is_another_question(server: JudgeServer, texts: dict[str, Any]) -> None:
    async with opened(server) as service:
        await judged(service)
        await judged(service, {**PAIR, **texts})
    assert server.calls == 4


def named(ids: str) -> list[dict[str, Any]]:
    texts = zip(ids, PAIR["candidates"], strict=True)
    return [{"id": name, "content": text, "model": f"m-{name}"} for name, text in texts]


HITS: dict[str, Callable[[], tuple[dict[str, Any], dict[str, Any]]]] = {
    "candidate ids and models": lambda: ({**PAIR, "candidates": named("xy")}, {}),
    "the case's id": lambda: ({**PAIR, "id": "c1"}, {}),
    "metadata": lambda: ({**PAIR, "metadata": {"n": 1}}, {}),
    "the domain": lambda: ({**PAIR, "domain": "maths"}, {}),
    "the order of the candidates": lambda: ({**PAIR, "candidates": PAIR["candidates"][::-1]}, {}),
    "how votes are combined": lambda: (PAIR, {"combine": "vote"}),
    "the seed, where nothing is drawn": lambda: (PAIR, {"seed": 9}),
    "what is included": lambda: (PAIR, {"include": ["votes", "case", "prompts", "raw"]}),
}


@pytest.mark.parametrize("change", list(HITS))
async def test_what_cannot_change_an_answer_is_the_same_question(server: JudgeServer, change: str) -> None:
    case, options = HITS[change]()
    async with opened(server) as service:
        await judged(service)
        await judged(service, case, **options)
    assert server.calls == 2


async def test_a_judges_name_is_no_part_of_the_question(server: JudgeServer, tmp_path: Path) -> None:
    judge = {"url": server.url, "model": "m"}
    for name in ("one", "other"):
        async with opened(server, cache=sqlite(tmp_path / "c.db"), more={"judges": {name: judge}}) as service:
            await judged(service)
    assert server.calls == 2
