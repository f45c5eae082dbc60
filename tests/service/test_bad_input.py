"""Bad input: each gets a clear error or a correct judgment, and the other cases of its request are unaffected."""

from typing import Any

import httpx
import orjson
import pytest
from hostile import ASKED, FORGED, PLAIN, check_numbers, pair
from judge_server import JudgeServer, by_worth, said, tokens
from services import PAIR, api

GOOD = {**PAIR, "id": "good"}
forged = pytest.mark.parametrize("what", list(FORGED))


async def judged(server: JudgeServer | None, task: str, body: Any) -> Any:
    async with api(server) as client:
        answer = await client.post(f"/v1/{task}", content=body if isinstance(body, bytes) else orjson.dumps(body))
    check_numbers(answer.content)
    assert answer.status_code == 200, answer.text
    return answer.json()


@forged
async def test_a_hostile_candidate_is_judged_like_any_other(server: JudgeServer, what: str) -> None:
    """A sure judge that always takes the first-shown: whatever a candidate says, both orders come to a tie."""
    server.rule = lambda asked: tokens({"A": 0.9, "B": 0.1})
    told = await judged(server, "compare", {"cases": [GOOD, {**pair(FORGED[what]), "id": "x"}]})
    good, hostile = told["data"]
    assert (good["status"], hostile["status"]) == ("judged", "judged")
    assert (hostile["verdict"]["winner"], hostile["verdict"]["consistent"]) == ("tie", False)
    assert hostile["verdict"]["position_bias"] == pytest.approx(good["verdict"]["position_bias"])


@forged
async def test_a_verdict_that_a_judge_quotes_from_a_candidate_is_not_its_own(server: JudgeServer, what: str) -> None:
    """The judge repeats the hostile text first, then says B: the one it was shown second."""
    server.rule = lambda asked: said(f'It says "{FORGED[what]}".\n\n{{"explanation": "x", "verdict": "B"}}')
    told = await judged(server, "compare", {**pair(FORGED[what]), "method": "cot"})
    for vote in told["votes"]:
        if vote["failure"] is None:
            assert vote["probabilities"] == {vote["order"][0]: 0.0, vote["order"][1]: 1.0}
        else:
            assert vote["failure"]["kind"] == "unreadable"


@forged
@pytest.mark.parametrize("task", ["compare", "score", "rank"])
async def test_hostile_texts_go_through_every_task_and_place(task: str, what: str) -> None:
    """In prompt, reference, context, names and metadata as well, by the offline judge."""
    text = FORGED[what]
    case = {"prompt": text, "reference": text, "context": text, "metadata": {text or "x": [text]}, "id": text or "x"}
    texts = [text, PLAIN, f"{text}!"][: 2 if task == "compare" else 3]
    candidates = [{"id": f"{i}{text}", "content": content, "model": text} for i, content in enumerate(texts)]
    told = await judged(None, task, {"cases": [{**case, "candidates": candidates}, {"id": "bad"}], "include": ["case"]})
    one, bad = told["data"]
    assert (one["status"], bad["status"]) == ("judged", "unscored")
    assert one["metadata"] == case["metadata"]
    assert one["case"]["candidates"] == candidates


@pytest.mark.parametrize(("a", "b"), [("", ""), ("same", "same"), (" same\n", "same"), ("", " \n\t ")], ids=repr)
async def test_identical_candidates_are_a_tie_without_a_call(server: JudgeServer, a: str, b: str) -> None:
    told = await judged(server, "compare", {"prompt": ASKED, "candidates": [a, b]})
    verdict = told["verdict"]
    assert (told["status"], verdict["winner"], verdict["probability"], verdict["logit"]) == ("judged", "tie", 0.5, 0.0)
    assert (verdict["consistent"], verdict["position_bias"], told["votes"], server.calls) == (None, None, [], 0)


async def test_identical_candidates_share_a_place_in_a_ranking(server: JudgeServer) -> None:
    texts = ["7 (worth 3)", "8 (worth 1)", "7 (worth 3)"]
    told = await judged(server, "rank", {"prompt": ASKED, "candidates": texts})
    assert told["verdict"]["ranks"] == {"a": 1, "c": 1, "b": 3}


async def test_nothing_but_identical_candidates_is_all_tied_without_a_number_that_is_none(server: JudgeServer) -> None:
    body = {"prompt": ASKED, "candidates": ["x"] * 4, "strategy": "listwise", "repeats": 3}
    told = await judged(server, "rank", body)
    assert set(told["verdict"]["ranks"].values()) == {1}
    assert (told["verdict"]["kendall_w"], server.calls) == (None, 0)


async def test_five_megabytes_are_judged_and_arrive_whole(server: JudgeServer) -> None:
    large = "wörd \U0001f600 " * 500_000
    assert len(large.encode()) > 5_000_000
    server.rule = by_worth
    told = await judged(server, "compare", {"cases": [GOOD, pair(large, id="large")]})
    assert [judgment["status"] for judgment in told["data"]] == ["judged", "judged"]
    assert sum(large in prompt for prompt in server.prompts()) == 2


async def test_five_megabytes_are_cut_alike_when_that_is_asked_for(server: JudgeServer) -> None:
    body = {**pair("wörd " * 1_100_000), "truncate": {"candidate_tokens": 1000}, "include": ["votes"]}
    told = await judged(server, "compare", body)
    assert told["status"] == "judged"
    assert all(vote["truncated"] == ["b"] for vote in told["votes"])
    assert all("tokens left out" in prompt and len(prompt) < 20_000 for prompt in server.prompts())


@pytest.mark.parametrize("task", ["compare", "score", "rank"])
async def test_five_megabytes_are_judged_offline(task: str) -> None:
    """Scored, ranked and compared in a moment, for only the head and the tail of a long text are read."""
    texts = [PLAIN, "x" * 5_000_000, "y " * 2_500_000][: 2 if task == "compare" else 3]
    assert (await judged(None, task, {"prompt": ASKED, "candidates": texts}))["status"] == "judged"


SURROGATES: dict[str, tuple[str, str]] = {
    "a candidate": ('{"prompt": "p", "candidates": ["x", "\\ud800 y"]}', "cases[1].candidates[1]"),
    "the prompt": ('{"prompt": [{"role": "user", "content": "\\uDC00"}], "candidates": ["x", "y"]}',
                   "cases[1].prompt[0].content"),
    "the id": ('{"id": "\\ud83d", "prompt": "p", "candidates": ["x", "y"]}', "cases[1].id"),
    "metadata": ('{"metadata": {"n": ["\\ud83d"]}, "prompt": "p", "candidates": ["x", "y"]}', "cases[1].metadata.n[0]"),
    "a field's name": ('{"\\udfff": 1, "prompt": "p", "candidates": ["x", "y"]}', "cases[1]"),
}  # fmt: skip


@pytest.mark.parametrize("where", list(SURROGATES))
async def test_a_lone_surrogate_costs_its_own_case_and_no_other(server: JudgeServer, where: str) -> None:
    case, param = SURROGATES[where]
    good = orjson.dumps(GOOD)
    whole = b'{"prompt": "whole \\ud83d\\ude00", "candidates": ["x", "y"]}'
    told = await judged(server, "compare", b'{"cases": [' + b", ".join([good, case.encode(), whole]) + b"]}")
    assert [judgment["status"] for judgment in told["data"]] == ["judged", "unscored", "judged"]
    assert told["data"][1]["failure"]["param"] == param
    assert "lone surrogate" in told["data"][1]["failure"]["message"]
    assert any("whole 😀" in prompt for prompt in server.prompts())


@pytest.mark.parametrize(
    ("body", "param"),
    [(b'{"prompt": "\\ud800", "candidates": ["x", "y"]}', "prompt"),
     (b'{"cases": [{"prompt": "p", "candidates": ["x", "y"]}], "rubric": "\\ud800"}', "rubric"),
     (b'["\\ud800"]', "[0]"), (b'{"prompt": "\\ud800", "n": NaN}', None), (b'{"prompt": "\\ud800", "n": 1e999}', None)],
)  # fmt: skip
async def test_a_lone_surrogate_outside_of_many_cases_is_400(server: JudgeServer, body: bytes, param: str) -> None:
    async with api(server) as client:
        answer: httpx.Response = await client.post("/v1/compare", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
async def test_a_number_that_is_none_is_400(server: JudgeServer, number: str) -> None:
    body = b'{"prompt": "p", "candidates": ["x", "y"], "metadata": {"n": %s}}' % number.encode()
    async with api(server) as client:
        assert (await client.post("/v1/compare", content=body)).status_code == 400


WILD = {
    "no probability at all": {"A": 1e-300, "B": 1e-300},
    "certainty": {"A": 1.0, "B": 1e-30},
    "neither label": {"the": 0.9, "The": 0.1},
    "more than there is": {"A": 1.0, " A": 1.0, "B": 1.0},
}


@pytest.mark.parametrize("what", list(WILD))
@pytest.mark.parametrize("task", ["compare", "rank"])
async def test_no_number_is_nan_or_infinite_however_sure_or_odd_the_judge_is(
    server: JudgeServer, task: str, what: str
) -> None:
    server.rule = lambda asked: tokens(WILD[what])
    told = await judged(server, task, PAIR)
    if what in ("neither label", "no probability at all"):
        assert {vote["failure"]["kind"] for vote in told["votes"]} == {"low_label_mass"}
    else:
        assert told["status"] == "judged"
