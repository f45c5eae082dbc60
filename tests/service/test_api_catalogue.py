"""What the API tells of itself: health, readiness, rubrics, judges, models, metrics."""

import re

from judge_server import JudgeServer, error
from services import PAIR, api

from judge_service.library import open_library


async def test_it_is_alive_even_when_its_judge_is_not(server: JudgeServer) -> None:
    async with api(server) as client:
        await server.stop()
        health = await client.get("/health")
        ready = await client.get("/ready")
    assert health.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["error"]["code"] == "judge_unavailable"
    assert int(ready.headers["retry-after"]) > 0


async def test_it_is_ready_while_a_judge_answers(server: JudgeServer) -> None:
    async with api(server) as client:
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()["judges"]) == (200, {"default": True})
        server.models = error(500)
        assert (await client.get("/ready")).status_code == 503


async def test_one_judge_of_two_is_enough_to_be_ready(server: JudgeServer) -> None:
    other = await JudgeServer().start()
    judges = {"one": {"url": server.url, "model": "m"}, "two": {"url": other.url, "model": "m"}}
    async with api(server, more={"judges": judges}) as client:
        await other.stop()
        ready = await client.get("/ready")
    assert (ready.status_code, ready.json()["judges"]) == (200, {"one": True, "two": False})


async def test_every_rubric_is_listed_and_shown_whole(server: JudgeServer) -> None:
    standards = open_library().standards
    async with api(server) as client:
        listed = (await client.get("/v1/rubrics")).json()
        assert listed["object"] == "list"
        assert {rubric["id"]: rubric["digest"] for rubric in listed["data"]} == {
            name: standard.digest for name, standard in standards.items()
        }
        for name in standards:
            whole = (await client.get(f"/v1/rubrics/{name}@1")).json()
            parts = whole.get("criteria") or whole["principles"]
            assert (whole["id"], whole["object"]) == (name, "rubric")
            assert all(part["name"] and part["text"] for part in parts)
        for name in ("no-such", "honesty@99"):
            assert (await client.get(f"/v1/rubrics/{name}")).status_code == 404


async def test_a_judges_card_says_who_it_is(server: JudgeServer) -> None:
    async with api(server, sampling={"top_p": 1}, revision="r1") as client:
        (card,) = (await client.get("/v1/judges")).json()["data"]
        assert card == (await client.get("/v1/judges/default")).json()
        assert (await client.get("/v1/judges/nobody")).status_code == 404
        judgment = (await client.post("/v1/compare", json=PAIR)).json()
    assert (card["id"], card["model"], card["revision"], card["sampling"]) == ("default", "m", "r1", {"top_p": 1})
    (judge,) = judgment["provenance"]["judges"]
    assert (judge["digest"], judge["epoch"]) == (card["digest"], card["epoch"])


async def test_models_are_the_judges_names_in_openais_shape(server: JudgeServer) -> None:
    async with api(server) as client:
        listed = (await client.get("/v1/models")).json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert (model["id"], model["object"]) == ("default", "model")
    assert isinstance(model["created"], int)


async def test_a_request_keeps_its_id_if_it_is_a_sane_one_and_gets_one_otherwise(server: JudgeServer) -> None:
    async with api(server) as client:
        kept = await client.get("/health", headers={"x-request-id": "trace-1.2:3"})
        assert kept.headers["x-request-id"] == "trace-1.2:3"
        for insane in ("a b", "x" * 200, "<script>"):
            given = await client.get("/health", headers={"x-request-id": insane})
            assert re.fullmatch(r"req_[0-9a-f]{32}", given.headers["x-request-id"])


async def test_metrics_count_requests_judgments_calls_and_flips(server: JudgeServer) -> None:
    async with api(server) as client:
        for _ in range(2):
            await client.post("/v1/compare", json=PAIR)
        await client.post("/v1/compare", json={"prompt": "p"})
        page = await client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    numbers = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) ([0-9.e+-]+)$", page.text, re.MULTILINE))
    assert float(numbers['judge_judgments_total{kind="preference",status="judged"}']) == 2
    assert float(numbers["judge_calls_total"]) == 2
    assert float(numbers["judge_cache_hits_total"]) == 2
    assert float(numbers["judge_pairs_in_both_orders_total"]) == 2
    assert float(numbers["judge_order_flips_total"]) == 0
    assert float(numbers['judge_requests_total{path="/v1/compare",status="200"}']) == 2
    assert float(numbers['judge_requests_total{path="/v1/compare",status="400"}']) == 1
    assert not {"NaN", "Inf"} & set(numbers.values())
