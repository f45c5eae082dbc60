"""POST /v1/compare, /v1/score and /v1/rank: what goes in, what comes out."""

import asyncio
import math
from typing import Any

import httpx
import orjson
import pytest
from judge_server import JudgeServer, by_worth, said, tokens
from services import LIST, ONE, PAIR, RUBRIC, api, served


async def posted(server: JudgeServer | None, task: str, body: Any, **told: Any) -> Any:
    """The answer to one request."""
    async with api(server, **told) as client:
        answer = await client.post(f"/v1/{task}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


NDJSON = "application/x-ndjson"
JUDGMENT = {
    "id", "object", "schema", "kind", "status", "created", "case_id", "case_digest", "run_digest", "candidates",
    "models", "verdict", "votes", "provenance", "usage", "panel", "failure", "metadata",
}  # fmt: skip
VOTE = {
    "judge", "kind", "method", "evidence", "order", "repeat", "criterion", "principle", "probabilities", "tie",
    "ranking", "label_mass", "explanation", "truncated", "cached", "failure",
}  # fmt: skip


async def test_one_pair_inline_is_answered_with_one_debiased_judgment(server: JudgeServer) -> None:
    told = await posted(server, "compare", {**PAIR, "metadata": {"n": [1, None]}})
    assert told.keys() >= JUDGMENT
    assert (told["object"], told["schema"], told["kind"], told["status"]) == ("judgment", 1, "preference", "judged")
    assert (told["candidates"], told["models"], told["metadata"]) == (
        ["a", "b"],
        {"a": None, "b": None},
        {"n": [1, None]},
    )
    verdict = told["verdict"]
    assert (verdict["winner"], verdict["consistent"], verdict["evidence"]) == ("a", True, "logprobs")
    assert verdict["logit"] == pytest.approx(2.0), "the judge's lean to the first is gone"
    assert verdict["probability"] == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert verdict["position_bias"] == pytest.approx(0.5)
    assert [vote["order"] for vote in told["votes"]] == [["a", "b"], ["b", "a"]]
    assert all(vote.keys() >= VOTE for vote in told["votes"])
    assert told["usage"]["judge_calls"] == 2
    assert told["provenance"]["rubric"]["id"] == "helpfulness"
    assert told["provenance"]["judges"][0]["model"] == "m"


async def test_one_response_is_answered_with_a_scorecard(server: JudgeServer) -> None:
    told = await posted(server, "score", {**ONE, "rubric": RUBRIC})
    (criterion,) = told["verdict"]["criteria"]
    assert told["kind"] == "scorecard"
    assert criterion["scale"] == [1, 5]
    assert criterion["score"] == told["verdict"]["score"] == pytest.approx(3.9, abs=0.2)
    assert told["verdict"]["normalized"] == pytest.approx((told["verdict"]["score"] - 1) / 4)
    assert math.fsum(criterion["probabilities"].values()) == pytest.approx(1.0)
    assert told["verdict"]["scores"] is None


async def test_several_responses_are_scored_each_for_itself(server: JudgeServer) -> None:
    told = await posted(server, "score", {**LIST, "rubric": RUBRIC})
    scores = told["verdict"]["scores"]
    assert told["verdict"]["score"] is None
    assert scores["b"]["score"] > scores["a"]["score"] > scores["c"]["score"] >= 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "listwise", "repeats": 4},
        {"strategy": "pairs", "orders": "both"},
        {"strategy": "round-robin"},
        {"strategy": "pointwise", "rubric": RUBRIC},
        {"strategy": "pointwise+pairs", "rubric": RUBRIC},
        {"strategy": "listwise", "repeats": 3, "method": "cot"},
    ],
    ids=lambda options: "-".join(str(v) for v in options.values() if isinstance(v, str | int)) or "auto",
)
async def test_a_list_is_ranked_by_every_strategy(server: JudgeServer, options: dict[str, Any]) -> None:
    told = await posted(server, "rank", {**LIST, **options})
    verdict = told["verdict"]
    assert (told["kind"], told["status"]) == ("ranking", "judged")
    assert verdict["ranking"] == ["b", "a", "c"]
    assert verdict["ranks"] == {"b": 1, "a": 2, "c": 3}
    assert all(0 <= score <= 1 for score in verdict["scores"].values())
    if options.get("strategy") == "listwise":
        assert (verdict["kendall_w"], verdict["repeats"]) == (pytest.approx(1.0), options["repeats"])


async def test_many_cases_are_answered_in_their_order_with_the_usage_of_all(server: JudgeServer) -> None:
    cases = [{**PAIR, "id": f"c{i}", "prompt": f"Task {i}"} for i in range(5)]
    told = await posted(server, "compare", {"cases": cases, "rubric": "honesty", "seed": 4})
    assert told["object"] == "list"
    assert [judgment["case_id"] for judgment in told["data"]] == [f"c{i}" for i in range(5)]
    assert {judgment["provenance"]["rubric"]["id"] for judgment in told["data"]} == {"honesty"}
    assert told["usage"]["judge_calls"] == 10


async def test_one_bad_case_of_many_is_told_at_its_place_and_the_others_are_judged(server: JudgeServer) -> None:
    wrong: list[Any] = [
        {"prompt": "p", "candidates": ["x"]}, {"candidates": ["x", "y"]}, "no case", {**PAIR, "colour": "red"},
        {"prompt": "p", "candidates": ["x", 7]}, {"prompt": "p", "candidates": [{"id": "k"}, "y"]}, {**PAIR, "id": ""},
        {**PAIR, "candidates": [{"id": "k", "content": "x"}, {"id": "k", "content": "y"}]},
    ]  # fmt: skip
    params = [
        "cases[1].candidates", "cases[2].prompt", "cases[3]", "cases[4].colour", "cases[5].candidates[1]",
        "cases[6].candidates[0].content", "cases[7].id", "cases[8].candidates[1].id",
    ]  # fmt: skip
    told = await posted(server, "compare", {"cases": [PAIR, *wrong, PAIR]})
    assert [judgment["status"] for judgment in told["data"]] == ["judged", *["unscored"] * 8, "judged"]
    failures = [judgment["failure"] for judgment in told["data"][1:-1]]
    assert {failure["kind"] for failure in failures} == {"invalid"}
    assert [failure["param"] for failure in failures] == params


async def test_a_bad_case_keeps_its_id(server: JudgeServer) -> None:
    told = await posted(server, "compare", {"cases": [PAIR, {"id": "mine", "prompt": "p"}]})
    assert told["data"][1]["case_id"] == "mine"


async def test_an_id_that_stands_twice_is_fine_for_the_same_case_and_wrong_for_another(server: JudgeServer) -> None:
    case = {**PAIR, "id": "x"}
    told = await posted(server, "compare", {"cases": [case, case, {**case, "prompt": "Another"}]})
    assert [judgment["status"] for judgment in told["data"]] == ["judged", "judged", "unscored"]
    assert told["data"][2]["failure"]["param"] == "cases[2].id"


async def test_lines_come_as_soon_as_each_judgment_is_ready(server: JudgeServer) -> None:
    let_go = asyncio.Event()
    server.rule = lambda asked: (
        tokens({"A": 0.5, "B": 0.5}, waits=let_go) if "slow" in str(asked["messages"]) else by_worth(asked)
    )
    body = {"cases": [{**PAIR, "id": "slow", "prompt": "slow"}, {**PAIR, "id": "quick"}, {"id": "bad"}]}
    async with (
        served(server) as address,
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{address}/v1/compare", json=body, headers={"accept": NDJSON}) as answer,
    ):
        assert answer.headers["content-type"].startswith(NDJSON)
        came = []
        async for line in answer.aiter_lines():
            came.append(orjson.loads(line)["case_id"])
            if len(came) == 2:
                assert set(came) == {"quick", "bad"}
                let_go.set()
    assert came[2:] == ["slow"]


async def test_names_of_candidates_and_their_models_are_kept(server: JudgeServer) -> None:
    texts = zip(("gold", "tin"), PAIR["candidates"], strict=True)
    candidates = [{"id": name, "content": text, "model": f"{name}-1"} for name, text in texts]
    told = await posted(server, "compare", {**PAIR, "candidates": candidates})
    assert (told["candidates"], told["models"]) == (["gold", "tin"], {"gold": "gold-1", "tin": "tin-1"})
    assert told["verdict"]["winner"] == "gold"
    assert not any("gold" in prompt or "tin-1" in prompt for prompt in server.prompts())


async def test_conversations_with_tool_calls_are_shown_as_transcripts(server: JudgeServer) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "is_prime", "arguments": '{"n":7}'}}
    prompt = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Name a prime."}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "yes"},
    ]
    await posted(server, "compare", {**PAIR, "prompt": prompt})
    for shown in server.prompts():
        assert all(text in shown for text in ("Be brief.", "Name a prime.", 'is_prime {"n":7}', "yes"))
    assert all(asked["messages"][0]["role"] == "system" for asked in server.asked)
    assert {len(asked["messages"]) for asked in server.asked} == {2}, "never as turns of the judge's own"


INCLUDES = [([], None, False), (["votes"], 2, False), (["votes", "case"], 2, True)]


@pytest.mark.parametrize(("include", "votes", "case"), INCLUDES, ids=str)
async def test_only_what_is_asked_for_is_included(
    server: JudgeServer, include: list[str], votes: int | None, case: bool
) -> None:
    told = await posted(server, "compare", {**PAIR, "include": include})
    assert len(told["votes"]) == (votes or 0)
    assert ("case" in told) == case
    assert told["verdict"]["winner"] == "a"


async def test_prompts_and_raw_answers_are_included_on_request(server: JudgeServer) -> None:
    told = await posted(server, "compare", {**PAIR, "include": ["votes", "prompts", "raw"]})
    for vote, asked in zip(told["votes"], server.asked, strict=True):
        assert asked["messages"][1]["content"] in vote["prompt"]
        assert vote["raw"] in ("A", "B")


async def test_a_panel_of_two_judges_reduces_each_to_one_probability(server: JudgeServer) -> None:
    other = await JudgeServer(lambda asked: tokens({"A": 0.5, "B": 0.5})).start()
    judges = {"one": {"url": server.url, "model": "m"}, "two": {"url": other.url, "model": "m2"}}
    told = await posted(server, "compare", {**PAIR, "judge": ["one", "two"]}, more={"judges": judges})
    await other.stop()
    sure = 1 / (1 + math.exp(-2.0))
    members = {member["judge"]: member for member in told["panel"]}
    assert members["one"]["probability"] == pytest.approx(sure)
    assert members["two"]["probability"] == pytest.approx(0.5)
    assert told["verdict"]["probability"] == pytest.approx((sure + 0.5) / 2)
    assert {vote["judge"] for vote in told["votes"]} == {"one", "two"}
    assert [judge["name"] for judge in told["provenance"]["judges"]] == ["one", "two"]


@pytest.mark.parametrize(("below", "decided_by", "calls"), [(0.99, "cot", 4), (0.6, "direct", 2)])
async def test_an_unsure_verdict_is_replaced_and_never_averaged(
    server: JudgeServer, below: float, decided_by: str, calls: int
) -> None:
    server.rule = lambda asked: by_worth(asked) if asked.get("logprobs") else said('{"verdict": "tie"}')
    told = await posted(server, "compare", {**PAIR, "escalate": {"to": "cot", "below": below}})
    assert told["provenance"]["decided_by"] == decided_by
    assert told["verdict"]["winner"] == ("tie" if decided_by == "cot" else "a")
    assert (server.calls, len(told["votes"])) == (calls, calls)


async def test_when_the_deadline_passes_what_is_finished_is_returned(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.rule = lambda asked: tokens({"A": 1.0}, waits=never) if "slow" in str(asked["messages"]) else by_worth(asked)
    told = await posted(server, "compare", {"timeout": 0.5, "cases": [PAIR, {**PAIR, "prompt": "slow"}]})
    never.set()
    assert [judgment["status"] for judgment in told["data"]] == ["judged", "unscored"]
    assert told["data"][1]["failure"]["kind"] == "timeout"
