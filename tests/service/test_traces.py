"""Traces reach a collector over a socket when they are configured; without that, OpenTelemetry is not even imported."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from collector import Collector, Told
from judge_server import Answer, JudgeServer, error
from programs import called, cases, ran, serving, write_rows
from services import PAIR, judged, opened, served

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_CALLER = {"traceparent": f"00-{TRACE}-{CALLER}-01", "baggage": "said=baggage-is-not-for-us"}
KEY = "sk-not-for-a-collector"
CANARY_OFF = {"canary_seconds": 0}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """A collector of the test's own."""
    started = await Collector().start()
    yield started
    await started.stop()


def to(collector: Collector) -> dict[str, Any]:
    """The section of the configuration that sends traces there."""
    return {"traces": {"endpoint": collector.url}}


async def test_a_request_is_told_as_a_tree_in_its_callers_trace(server: JudgeServer, collector: Collector) -> None:
    more = to(collector) | {"api_keys": KEY}
    headers = FROM_CALLER | {"authorization": f"Bearer {KEY}", "x-request-id": "req-7"}
    async with served(server, more=more, **CANARY_OFF) as address, httpx.AsyncClient(headers=headers) as client:
        answer = await client.post(f"{address}/v1/compare?note=in-the-query", json=PAIR | {"id": "case-of-mine"})
    assert answer.status_code == 200
    (request,) = collector.of("server")
    (case,) = collector.under(request)
    calls = collector.under(case)

    assert len(collector.spans) == 4
    assert {span.trace for span in collector.spans} == {TRACE}
    assert request.parent == CALLER
    assert (request.name, case.name, {call.name for call in calls}) == ("POST /v1/compare", "compare", {"chat m"})
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/compare",
        "http.response.status_code": 200,
        "judge.request.id": "req-7",
    }
    assert case.attributes == {
        "judge.case.kind": "preference",
        "judge.case.protocol": "pairwise",
        "judge.case.status": "judged",
        "judge.case.calls": 2,
        "judge.case.cache_hits": 0,
    }
    for call in calls:
        assert call.kind == "client"
        assert call.attributes == {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "server.address": "127.0.0.1",
            "server.port": server.port,
            "judge.call.attempt": 1,
            "http.response.status_code": 200,
            "gen_ai.usage.input_tokens": 90,
            "gen_ai.usage.output_tokens": 1,
        }
    assert {h["traceparent"] for h in server.headers} == {f"00-{TRACE}-{call.id}-01" for call in calls}
    assert collector.services == {"judge-service"}
    told = collector.content + repr(server.headers).encode()
    for text in (*PAIR["candidates"], "worth", PAIR["prompt"], "prime"):
        assert text.encode() not in told
    for text in (KEY, "case-of-mine", "in-the-query", "baggage-is-not-for-us"):
        assert text.encode() not in collector.content
    assert b"baggage" not in told


async def test_what_the_cache_answers_is_told_as_a_case_without_a_call(
    server: JudgeServer, collector: Collector
) -> None:
    async with served(server, more=to(collector), **CANARY_OFF) as address, httpx.AsyncClient() as client:
        for _ in range(2):
            await client.post(f"{address}/v1/compare", json=PAIR)
    first, second = collector.of("server")
    assert first.trace != second.trace
    (hit,) = collector.under(second)
    assert (hit.attributes["judge.case.calls"], hit.attributes["judge.case.cache_hits"]) == (0, 2)
    assert collector.under(hit) == []


async def test_every_attempt_is_told_with_its_number_and_what_came_back(
    server: JudgeServer, collector: Collector
) -> None:
    server.next.extend([error(503, "later (worth 9)"), Answer(b"{", how="reset")])
    async with opened(server, more=to(collector), **CANARY_OFF) as service:
        await judged(service, orders="one")
    (case,) = collector.of("internal")
    assert not case.has_failed
    assert [_attempt(call) for call in collector.under(case)] == [
        (1, 503, "judge_unavailable"),
        (2, None, "judge_unavailable"),
        (3, 200, None),
    ]
    assert b"worth" not in collector.content


def _attempt(call: Told) -> tuple[Any, ...]:
    names = ("judge.call.attempt", "http.response.status_code", "error.type")
    assert call.has_failed == ("error.type" in call.attributes)
    return tuple(call.attributes.get(name) for name in names)


async def test_refused_requests_and_unscored_cases_are_told_as_failures(
    server: JudgeServer, collector: Collector
) -> None:
    server.rule = lambda asked: error(400, "no")
    async with (
        served(server, more=to(collector) | {"api_keys": KEY}, **CANARY_OFF) as address,
        httpx.AsyncClient() as client,
    ):
        await client.post(f"{address}/v1/compare", json=PAIR)
        await client.get(f"{address}/k/{KEY}/nowhere/{KEY}")
        await client.post(f"{address}/k/{KEY}/v1/compare", json=PAIR)
    unknown, nowhere, unscored = collector.of("server")
    assert [s.attributes["http.response.status_code"] for s in (unknown, nowhere, unscored)] == [401, 404, 200]
    assert [s.name for s in (unknown, nowhere, unscored)] == ["POST", "GET", "POST /v1/compare"]
    (case,) = collector.under(unscored)
    assert case.has_failed
    assert case.attributes["judge.case.status"] == "unscored"
    assert {call.attributes["error.type"] for call in collector.under(case)} == {"judge_error"}
    assert KEY.encode() not in collector.content


async def test_a_callers_wish_not_to_be_traced_is_kept_and_handed_on(server: JudgeServer, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
    async with (
        served(server, more=to(collector), **CANARY_OFF) as address,
        httpx.AsyncClient(headers=headers) as client,
    ):
        await client.post(f"{address}/v1/compare", json=PAIR)
    assert collector.spans == []
    assert {(h["traceparent"][3:35], h["traceparent"][-2:]) for h in server.headers} == {(TRACE, "00")}


async def test_a_run_through_a_server_is_one_trace_from_end_to_end(
    server: JudgeServer, collector: Collector, corner: Path
) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "mine"}
    source = write_rows(corner / "in.jsonl", cases(3))
    flags = ("--judge-url", server.url, "--model", "m")
    async with serving(*flags, environ=environ) as (address, _):
        end = await ran("compare", source, "-o", "out.jsonl", "--server", address, environ=environ)
    assert end.code == 0, end.err
    # The server's own last spans came before SIGTERM ended it.
    (run,) = [span for span in collector.spans if span.name == "run compare"]
    assert run.parent == ""
    sent = collector.under(run)
    assert [case.kind for case in sent] == ["client"] * 3
    for case in sent:
        (request,) = collector.under(case)
        (judged_there,) = collector.under(request)
        assert request.attributes["http.route"] == "/v1/compare"
        assert len(collector.under(judged_there)) == judged_there.attributes["judge.case.calls"] == 2
        assert case.attributes["judge.case.calls"] == 2
    assert collector.services == {"mine"}
    assert b"Task" not in collector.content
    assert b"worth" not in collector.content


async def test_a_run_here_is_a_span_above_its_cases(server: JudgeServer, collector: Collector, corner: Path) -> None:
    source = write_rows(corner / "in.jsonl", cases(3))
    environ = {"JUDGE_TRACES__ENDPOINT": collector.url, "JUDGE_TRACES__SERVICE_NAME": "batch"}
    end = await ran("compare", source, "-o", "out.jsonl", "--offline", environ=environ)
    assert end.code == 0, end.err
    (run,) = [span for span in collector.spans if span.name == "run compare"]
    assert [case.attributes["judge.case.status"] for case in collector.under(run)] == ["judged"] * 3
    assert collector.services == {"batch"}


async def test_a_collector_that_is_away_costs_no_judgment_and_no_exit_code(server: JudgeServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
    a, b = PAIR["candidates"]
    end = await ran("compare", "--prompt", PAIR["prompt"], "--a", a, "--b", b, "--offline", environ=environ)
    assert end.code == 0
    assert "Traceback" not in end.err


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "judge-service[traces]"),
        ({"JUDGE_TRACES__ENDPOINT": "127.0.0.1:4318"}, "http://"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
    ],
)
def test_traces_that_cannot_be_made_are_one_clear_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], complaint: str
) -> None:
    monkeypatch.delitem(sys.modules, "judge_service.tracing.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # type: ignore[arg-type]
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    end = called(capsys, monkeypatch, "compare", "--prompt", "p", "--a", "x", "--b", "y", "--offline")
    assert end.code == 2
    assert complaint in end.err
    assert end.err.count("\n") == 1


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "mine", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_without_an_address_no_traces_are_opened(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.delitem(sys.modules, "judge_service.tracing.spans", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    end = called(capsys, monkeypatch, "compare", "--prompt", "p", "--a", "x", "--b", "y", "--offline")
    assert end.code in (0, 3)
    assert "judge_service.tracing.spans" not in sys.modules


@pytest.mark.parametrize(
    ("part", "library"),
    # FastAPI itself imports the API, and never the SDK.
    [("judge_service.cli.app", "opentelemetry"), ("judge_service.api.server", "opentelemetry.sdk")],
)
def test_whoever_wants_no_traces_does_not_wait_for_opentelemetry(part: str, library: str) -> None:
    code = f"import sys, {part}; print([name for name in sys.modules if (name + '.').startswith('{library}.')])"
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert end.stdout.strip() == "[]"
