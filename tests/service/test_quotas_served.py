"""Quotas over HTTP: what a key is charged, what it is told, and who counts when several servers do."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from judge_server import JudgeServer
from programs import called
from redis_server import RedisServer, running
from services import PAIR, api, configured, served

from judge_service.api.accounts import duration
from judge_service.api.app import create_app
from judge_service.api.batch_lines import LineAnswers
from judge_service.api.state import State
from judge_service.backends.buckets import EMPTY, Limit, charge, settle
from judge_service.backends.redis_books import RedisBook
from judge_service.wiring import open_quotas, open_service

KEY, OTHER, FREE = "k-limited", "k-other", "k-free"
CALLS, TOKENS = 2, 182
"""Of one pair in both orders, as the judge server of the tests counts."""


def as_(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def limited(**limits: Any) -> dict[str, Any]:
    return {"keys": {"team-a": {"key": KEY, **limits}, "free": {"key": FREE}}}


def pair(number: int) -> dict[str, Any]:
    return {**PAIR, "prompt": f"Task {number}", "method": "direct"}


@asynccontextmanager
async def shared(server: JudgeServer, **told: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose quotas lie where its settings say."""
    settings = configured(server, **told)
    async with open_quotas(settings) as book, open_service(settings, wait=5) as service:
        transport = httpx.ASGITransport(create_app(service, settings, book=book))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


async def test_beyond_its_requests_a_key_is_told_which_limit_it_met_and_when_to_come_again(server: JudgeServer) -> None:
    async with api(server, more=limited(requests_per_minute=2)) as client:
        answers = [await client.post("/v1/compare", json=PAIR, headers=as_(KEY)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[2]
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "'team-a'" in error["message"]
    assert "2 requests per minute" in error["message"]
    assert KEY not in refused.text + str(refused.headers)
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert 0 < int(refused.headers["retry-after-ms"]) <= 30_000
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"2"}
    assert all(re.fullmatch(r"[\d.]+s", answer.headers["x-ratelimit-reset-requests"]) for answer in answers)
    assert "x-request-id" in refused.headers


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon by the clock that the day's allowance goes by: near its end a client would wait, and try again."""
    ahead = 43_200.0 - time.time() % 86_400.0
    monkeypatch.setattr("judge_service.api.quotas.time", SimpleNamespace(time=lambda: time.time() + ahead))


@pytest.mark.usefixtures("at_noon")
async def test_openais_client_sees_a_rate_limit_and_its_code(server: JudgeServer) -> None:
    async with (
        served(server, more=limited(requests_per_day=1)) as address,
        openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=3) as client,
    ):
        await client.post("/compare", body=PAIR, cast_to=object)
        with pytest.raises(openai.RateLimitError) as refused:
            # It is told not to try again, and does not: else this would take until midnight.
            await client.post("/compare", body=PAIR, cast_to=object)
    assert refused.value.code == "quota_exceeded"


async def test_judge_calls_and_tokens_are_charged_when_they_are_known_and_hits_are_free(server: JudgeServer) -> None:
    limits = {"judge_calls_per_minute": 1000, "tokens_per_day": 100_000}
    async with api(server, more=limited(**limits)) as client:
        for number in (1, 1, 1, 2, 1, 2):
            answer = await client.post("/v1/compare", json=pair(number), headers=as_(KEY))
            assert answer.status_code == 200
        told = (await client.get("/v1/models", headers=as_(KEY))).headers
    assert server.calls == 2 * CALLS
    assert int(told["x-ratelimit-remaining-tokens"]) == 100_000 - 2 * TOKENS
    assert 1000 - 2 * CALLS <= int(told["x-ratelimit-remaining-judge-calls"]) <= 1000
    assert "x-ratelimit-limit-requests" not in told, "it has no limit of these"


async def test_endpoints_in_other_services_shapes_charge_the_same_account(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_day=1000, requests_per_day=2)) as client:
        body = {"query": "Name a prime number.", "documents": PAIR["candidates"]}
        answers = [await client.post("/v1/rerank?method=direct", json=body, headers=as_(KEY)) for _ in range(3)]
        told = (await client.get("/v1/models", headers=as_(KEY))).headers
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert server.calls
    assert int(told["x-ratelimit-remaining-judge-calls"]) == 1000 - server.calls


async def test_many_cases_make_a_debt_that_is_paid_before_anything_else_is_answered(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_minute=20)) as client:
        many = {"cases": [PAIR | {"id": str(n), "prompt": f"Task {n}"} for n in range(50)], "method": "direct"}
        first = await client.post("/v1/compare", json=many, headers=as_(KEY))
        again = await client.post("/v1/compare", json=pair(1), headers=as_(KEY))
    assert (first.status_code, server.calls) == (200, 50 * CALLS)
    assert again.status_code == 429
    # Eighty calls too many and two to come, at twenty a minute.
    assert 230 <= int(again.headers["retry-after"]) <= 250
    assert again.headers["x-should-retry"] == "false"


async def test_what_is_more_than_there_is_left_is_refused_whole(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_day=20)) as client:
        await client.post("/v1/compare", json=pair(1), headers=as_(KEY))
        many = {"cases": [PAIR | {"id": str(n), "prompt": f"Task {n}"} for n in range(50)], "method": "direct"}
        refused = await client.post("/v1/compare", json=many, headers=as_(KEY))
        few = await client.post("/v1/compare", json=pair(2), headers=as_(KEY))
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
    assert (few.status_code, server.calls) == (200, 2 * CALLS)


async def test_a_burst_is_held_back_before_its_calls_are_known(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_day=20)) as client:
        posts = (client.post("/v1/compare", json=pair(number), headers=as_(KEY)) for number in range(60))
        answers = await asyncio.gather(*posts)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    assert CALLS * statuses.count(200) == server.calls <= 20


async def test_each_key_has_its_own_and_who_has_no_limit_is_told_nothing(server: JudgeServer) -> None:
    told = {**limited(requests_per_minute=1), "api_keys": f"{OTHER},{OTHER}-2", "quotas": {"requests_per_day": 2}}
    told["keys"]["free"]["requests_per_day"] = 0
    async with api(server, more=told) as client:

        async def statuses(key: str, many: int) -> list[int]:
            return [(await client.post("/v1/compare", json=PAIR, headers=as_(key))).status_code for _ in range(many)]

        assert await statuses(KEY, 2) == [200, 429]
        assert await statuses(OTHER, 3) == [200, 200, 429]
        assert await statuses(f"{OTHER}-2", 3) == [200, 200, 429]
        assert await statuses(FREE, 5) == [200] * 5
        free = await client.post("/v1/compare", json=PAIR, headers=as_(FREE))
        assert not [name for name in free.headers if name.startswith("x-ratelimit")]
        page = (await client.get("/metrics", headers=as_(FREE))).text
    assert 'judge_quota_refusals_total{key="team-a",measure="requests",per="minute"} 1.0' in page
    assert 'judge_quota_remaining{key="team-a",measure="requests",per="day"} 1.0' in page
    assert KEY not in page


async def test_without_keys_all_callers_share_one_account(server: JudgeServer) -> None:
    async with api(server, more={"quotas": {"requests_per_minute": 1}}) as client:
        answers = [await client.post("/v1/compare", json=PAIR) for _ in range(2)]
        alive = await client.get("/health")
    assert [answer.status_code for answer in answers] == [200, 429]
    assert (alive.status_code, "x-ratelimit-limit-requests" in alive.headers) == (200, False)


async def test_a_keys_priority_holds_where_its_caller_says_none(server: JudgeServer) -> None:
    release = asyncio.Event()
    server.rule = lambda asked: _held(server, asked, release)
    more = {
        "keys": {"bulk": {"key": KEY, "priority": "batch"}, "web": {"key": OTHER}},
        "server": {"cases_in_flight": 1},
        "jobs": {"share": 1.0},
    }
    async with api(server, more=more) as client:
        first = asyncio.create_task(client.post("/v1/compare", json=pair(1) | {"orders": "one"}, headers=as_(OTHER)))
        await server.asked_for(1)
        told = ((2, KEY, {}), (3, KEY, {"priority": "online"}), (4, OTHER, {}))
        rest = []
        for number, key, options in told:
            body = pair(number) | {"orders": "one"} | options
            rest.append(asyncio.create_task(client.post("/v1/compare", json=body, headers=as_(key))))
            await asyncio.sleep(0.05)
        release.set()
        await asyncio.gather(first, *rest)
    assert [re.findall(r"Task (\d)", text)[0] for text in server.prompts()] == ["1", "3", "4", "2"]


def _held(server: JudgeServer, asked: Mapping[str, Any], release: asyncio.Event) -> Any:
    from judge_server import Answer, by_worth

    return Answer(by_worth(asked).body, waits=release)


@pytest.fixture(scope="module")
def redis() -> Any:
    with running() as server:
        yield server


async def test_servers_that_share_a_redis_grant_one_quota_together(server: JudgeServer, redis: RedisServer) -> None:
    more = {**limited(requests_per_day=30, judge_calls_per_day=1000), "quotas": {"url": redis.url}}
    async with shared(server, more=more) as one, shared(server, more=more) as other:
        posts = (
            client.post("/v1/compare", json=pair(n), headers=as_(KEY)) for n in range(30) for client in (one, other)
        )
        answers = await asyncio.gather(*posts)
    async with shared(server, more=more) as third:
        late = await third.post("/v1/compare", json=pair(0), headers=as_(KEY))
    assert sorted(answer.status_code for answer in answers) == [200] * 30 + [429] * 30
    assert (late.status_code, late.json()["error"]["code"]) == (429, "quota_exceeded")


async def test_a_request_waits_for_its_quota_once_and_many_at_a_time_do_so_together(
    server: JudgeServer, redis: RedisServer
) -> None:
    more = {**limited(requests_per_day=1e6), "quotas": {"url": redis.url}, "cache": {"url": "memory://"}}
    async with shared(server, more=more) as client:
        await client.post("/v1/compare", json=PAIR, headers=as_(KEY))
        before = redis.calls("eval")
        for _ in range(5):
            await client.post("/v1/compare", json=PAIR, headers=as_(KEY))
    assert redis.calls("eval") - before == 5, "a hit has nothing to settle"


@pytest.mark.parametrize("when_away", ["open", "closed"])
async def test_while_redis_is_away_requests_go_by_what_was_decided(server: JudgeServer, when_away: str) -> None:
    with running() as redis:
        more = {**limited(requests_per_day=3), "quotas": {"url": redis.url, "when_away": when_away}}
        async with shared(server, more=more) as client:
            first = await client.post("/v1/compare", json=PAIR, headers=as_(KEY))
            redis.stop()
            answers = [await client.post("/v1/compare", json=PAIR, headers=as_(KEY)) for _ in range(5)]
            page = (await client.get("/metrics", headers=as_(FREE))).text
    statuses = [answer.status_code for answer in answers]
    assert first.status_code == 200
    assert statuses == ([200, 200, 200, 429, 429] if when_away == "open" else [503] * 5)
    assert when_away == "open" or answers[0].json()["error"]["code"] == "quotas_unavailable"
    assert re.search(r'judge_quota_faults\{kind="\w+"\} [1-9]', page)


LIMITS = (Limit("requests", "minute", 5.0), Limit("tokens", "minute", 6e4), Limit("tokens", "day", 3e4))
STEPS = st.lists(
    st.tuples(st.sampled_from(["charge", "settle"]), st.integers(0, 3), st.integers(-9_000, 20_000)), max_size=12
)


@given(STEPS)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_reckons_as_this_process_does(redis: RedisServer, steps: Any) -> None:
    # An account that no example before has used.
    asyncio.run(_reckoned(redis, steps, uuid4().hex))


async def _reckoned(redis: RedisServer, steps: Any, account: str) -> None:
    book, levels = RedisBook(redis.url, limit=5.0), (EMPTY,) * len(LIMITS)
    for what, requests, tokens in steps:
        costs = [requests, abs(tokens), abs(tokens)] if what == "charge" else [0, tokens, tokens]
        if what == "charge":
            told = await book.charge(account, LIMITS, costs)
        else:
            book.settle(account, LIMITS, costs)
            await asyncio.sleep(0)
            told = await book.look(account, LIMITS)
        ours = (charge if what == "charge" else settle)(LIMITS, levels, costs, told.levels[0].at)
        assert told.refused == ours.refused
        for theirs, own in zip(told.levels, ours.levels, strict=True):
            # Between what settles and the look that follows it, a little is forgotten.
            assert theirs.used == pytest.approx(own.used, abs=60.0)
        levels = told.levels
    await book.aclose()


def test_several_workers_without_a_redis_do_not_start_where_there_are_quotas(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_QUOTAS__TOKENS_PER_DAY", "1000")
    end = called(capsys, monkeypatch, "serve", "--workers", "2", "--port", "0", "--offline")
    assert end.code == 2
    assert "several workers would each grant the whole of every quota" in end.err
    assert "quotas.url" in end.err


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"JUDGE_KEYS__A__KEY_ENV": "NO_SUCH"}, "keys.a: the variable NO_SUCH is not set"),
        ({"JUDGE_KEYS__A__PRIORITY": "batch"}, "keys.a: give key, or key_env"),
        ({"JUDGE_KEYS__A__KEY": "x", "JUDGE_KEYS__B__KEY": "x"}, "two of a, b have the same key"),
        ({"JUDGE_KEYS__A__KEY": "x", "JUDGE_KEYS__A__TOKENS_PER_DAY": "-1"}, "keys.a.tokens_per_day"),
    ],
)
def test_a_key_that_is_configured_wrongly_is_told_by_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    end = called(capsys, monkeypatch, "serve", "--port", "0", "--offline")
    assert end.code == 2
    assert told in end.err


async def test_a_line_of_a_batch_waits_for_its_quota_where_a_caller_is_refused(server: JudgeServer) -> None:
    settings = configured(server, more=limited(judge_calls_per_minute=600))
    async with open_service(settings, wait=5) as service:
        app = create_app(service, settings)
        state = _state_in(app)
        (account,) = state.quotas._accounts.values()
        state.quotas.settle(account, [603.0])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            refused = await client.post("/v1/compare", json=pair(1), headers=as_(KEY))
        line = await LineAnswers(state)(
            "compare", b'{"prompt":"p","candidates":["a (worth 1)","b (worth 2)"]}', account.id
        )
    assert (refused.status_code, line.status, server.calls) == (429, 200, CALLS)
    assert 598.0 < account.levels[0].used <= 602.0, "the line's own calls were charged"


def _state_in(app: Any) -> State:
    while not hasattr(app, "state"):
        app = app._app
    found: State = app.state.judging
    return found


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        *((0.0, "0ms"), (0.012, "12ms"), (0.9991, "1s"), (1.0, "1s"), (1.5, "1.5s"), (59.742, "59.742s")),
        *((60.0, "1m0s"), (360.0, "6m0s"), (3599.5, "1h0m0s"), (7230.0, "2h0m30s")),
    ],
)
def test_times_are_written_as_openai_writes_them(seconds: float, written: str) -> None:
    assert duration(seconds) == written
