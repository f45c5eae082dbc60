"""Who may call the API: by key in three places, by network; and no key is ever said again."""

import base64
import logging
import socket
from pathlib import Path

import httpx
import pytest
from judge_server import JudgeServer
from programs import called, serving
from services import PAIR, api, configured

from judge_service.api.access import networks_of
from judge_service.api.app import create_app
from judge_service.wiring import open_service

KEY, OTHER = "k-7f3a-first", "k-9b1c-second"
KEYS = {"api_keys": f"{KEY},{OTHER}"}


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


WAYS = {
    "bearer": ("/v1/compare", f"Bearer {KEY}"),
    "the other key": ("/v1/compare", f"Bearer {OTHER}"),
    "bearer in small letters": ("/v1/compare", f"bearer {KEY}"),
    "basic password": ("/v1/compare", basic(KEY)),
    "before the path": (f"/k/{KEY}/v1/compare", None),
    "before the path, over a wrong header": (f"/k/{KEY}/v1/compare", "Bearer wrong"),
}
NO_WAYS = {
    "nothing": ("/v1/compare", None),
    "another key": ("/v1/compare", f"Bearer {KEY}x"),
    "part of a key": ("/v1/compare", f"Bearer {KEY[:-1]}"),
    "both keys as configured": ("/v1/compare", f"Bearer {KEY},{OTHER}"),
    "an empty bearer": ("/v1/compare", "Bearer "),
    "basic without password": ("/v1/compare", basic("")),
    "basic that is no base64": ("/v1/compare", "Basic \xe9"),
    "another scheme": ("/v1/compare", f"Digest {KEY}"),
    "an empty key before the path": ("/k//v1/compare", None),
    "a wrong key before the path": (f"/k/{KEY}x/v1/compare", None),
    "the key as the user": ("/v1/compare", "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()),
}


def headers(authorization: str | None) -> list[tuple[bytes, bytes]]:
    return [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]


@pytest.mark.parametrize("way", list(WAYS))
async def test_a_key_opens_the_door(server: JudgeServer, way: str) -> None:
    path, authorization = WAYS[way]
    async with api(server, more=KEYS) as client:
        answer = await client.post(path, json=PAIR, headers=headers(authorization))
    assert answer.status_code == 200
    assert answer.json()["verdict"]["winner"] == "a"


@pytest.mark.parametrize("way", list(NO_WAYS))
async def test_without_a_key_the_door_stays_shut_and_no_key_is_said(
    server: JudgeServer, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path, authorization = NO_WAYS[way]
    async with api(server, more=KEYS) as client:
        answer = await client.post(path, json=PAIR, headers=headers(authorization))
    assert (answer.status_code, server.calls) == (401, 0)
    assert answer.json()["error"]["type"] == "authentication_error"
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("judge_service")]
    assert not any(key in text for key in (KEY, OTHER) for text in (answer.text, str(answer.headers), *ours))


@pytest.mark.parametrize("path", ["/v1/rubrics", "/v1/judges", "/v1/models", "/metrics", "/docs", "/openapi.json"])
async def test_everything_but_health_and_readiness_wants_a_key(server: JudgeServer, path: str) -> None:
    async with api(server, more=KEYS) as client:
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers={"authorization": f"Bearer {KEY}"})).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_health_and_readiness_want_none(server: JudgeServer, path: str) -> None:
    async with api(server, more=KEYS) as client:
        assert (await client.get(path)).status_code == 200


async def test_an_error_behind_a_key_in_the_path_does_not_repeat_it(server: JudgeServer) -> None:
    async with api(server, more=KEYS) as client:
        for path in ("no-such", "v1/compare", "v1/rubrics/no-such"):
            answer = await client.get(f"/k/{KEY}/{path}")
            assert answer.status_code in (404, 405)
            assert KEY not in answer.text + str(answer.headers)
        page = await client.get(f"/k/{KEY}/metrics")
    assert KEY not in page.text


@pytest.mark.parametrize(("address", "status"), [("10.1.2.3", 200), ("127.0.0.1", 200), ("192.168.0.1", 403)])
async def test_only_trusted_networks_may_call(server: JudgeServer, address: str, status: int) -> None:
    settings = configured(server)
    async with open_service(settings, wait=5) as service:
        app = create_app(service, settings, networks_of(["10.0.0.0/8"]))
        transport = httpx.ASGITransport(app, client=(address, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            answer = await client.post("/v1/compare", json=PAIR)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["type"] == "permission_error"


async def test_keys_are_read_from_a_file_as_well(server: JudgeServer) -> None:
    Path("keys.txt").write_text(f"{KEY}\n\n{OTHER}\n")
    async with api(server, more={"api_keys_file": "keys.txt"}) as client:
        for key, status in ((KEY, 200), (OTHER, 200), ("k-none", 401)):
            answer = await client.post("/v1/compare", json=PAIR, headers={"authorization": f"Bearer {key}"})
            assert answer.status_code == status


async def test_a_key_is_in_no_log_of_a_running_service(server: JudgeServer) -> None:
    flags = ("--judge-url", server.url, "--model", "m")
    async with serving(*flags, environ={"JUDGE_API_KEYS": KEY}) as (address, process), httpx.AsyncClient() as client:
        for path in (f"/k/{KEY}/v1/compare", "/v1/compare", f"/k/{KEY}/nowhere", f"/k/{KEY}x/v1/compare"):
            await client.post(address + path, json=PAIR, headers={"authorization": f"Bearer {KEY}"})
        process.terminate()
        _, told = await process.communicate()
    assert KEY not in told.decode()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_keys_the_service_listens_to_this_machine_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    end = called(capsys, monkeypatch, "serve", "--offline", "--host", host, "--port", "0")
    assert end.code == 2
    assert "is no loopback address: set JUDGE_API_KEYS" in end.err
    assert len(end.err.splitlines()) == 1


def test_a_port_that_is_taken_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        end = called(capsys, monkeypatch, "serve", "--offline", "--port", str(port))
    assert end.code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in end.err
