"""Dockerfile and docker-compose.yml: valid by the compose specification, and true to the program they start."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyOptions
from programs import serving
from typer.main import get_command

from judge_service.api.access import check_binding
from judge_service.cli.app import app
from judge_service.hosting.launching import FLAGS
from judge_service.settings import read_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
REQUIRED = {"VLLM_MODEL": "org/model", "VLLM_API_KEY": "inner", "JUDGE_API_KEYS": "one,two"}
REPLICAS = {"COMPOSE_PROFILES": "replicas"}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?+])([^}]*))?\}")


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """The text with its variables filled in by the specification's rules, as far as this file uses them."""

    def value(found: re.Match[str]) -> str:
        name, operator, word = found.groups()
        told = environ.get(name, "")
        if operator == ":?" and not told:
            raise KeyError(name)
        return {None: told, ":?": told, ":-": told or word, ":+": told and word}[operator]

    return VARIABLE.sub(value, text)


def services(**more: str) -> dict[str, Any]:
    """What starts in this environment. The parser is strict: unknown keys, units and references are errors."""
    composed = PyOptions(apply_merge=True).from_yaml(interpolated(FILE.read_text(), {**REQUIRED, **more}))
    composed.validate()
    profiles = set(more.get("COMPOSE_PROFILES", "").split(","))
    listed = composed.to_dict()["services"].items()
    return {name: told for name, told in listed if "profiles" not in told or profiles & set(told["profiles"])}


def walked(value: Any) -> Iterator[Any]:
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walked(part)


@pytest.mark.parametrize("name", REQUIRED)
def test_what_has_no_default_must_be_told(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        services(**{name: ""})


def test_plain_up_starts_one_vllm_and_the_profile_two_on_gpus_of_their_own() -> None:
    assert set(services()) == {"vllm", "redis", "judge"}
    assert set(services(**REPLICAS)) == {"vllm", "vllm-2", "redis", "judge"}
    told = [services(**REPLICAS)[name] for name in ("vllm", "vllm-2")]
    devices = [service["deploy"]["resources"]["reservations"]["devices"] for service in told]
    assert [device["capabilities"] for (device,) in devices] == [["gpu"], ["gpu"]]
    assert [device["device_ids"] for (device,) in devices] == [["0"], ["1"]]


@pytest.mark.parametrize("profiles", [{}, REPLICAS])
def test_every_service_can_be_had_is_pinned_and_says_how_it_is(profiles: dict[str, str]) -> None:
    started = services(**profiles)
    for name, service in started.items():
        assert service.get("build") or re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
        assert service["healthcheck"]["test"][0] == "CMD"
        waits = service.get("depends_on", {})
        assert {other for other, how in waits.items() if how.get("required", True)} <= set(started)
        assert all(how["condition"] == "service_healthy" for how in waits.values())


@pytest.mark.parametrize("profiles", [{}, REPLICAS])
def test_only_the_service_is_published_on_loopback_and_asks_for_a_key(profiles: dict[str, str]) -> None:
    started = services(**profiles)
    assert {name: service["ports"] for name, service in started.items() if "ports" in service} == {
        "judge": ["127.0.0.1:8080:8080"]
    }
    assert "host" not in [service.get("network_mode") for service in started.values()]
    assert started["redis"]["networks"] == ["inner"]
    inner = (
        PyOptions(apply_merge=True).from_yaml(interpolated(FILE.read_text(), REQUIRED)).to_dict()["networks"]["inner"]
    )
    assert inner["internal"] is True
    assert not [part for part in walked(started) if part == "privileged" or "docker.sock" in str(part)[:40]]


@pytest.mark.parametrize("profiles", [{}, REPLICAS])
def test_the_service_reads_its_variables_and_asks_the_vllms_that_start(profiles: dict[str, str]) -> None:
    started = services(**profiles)
    judge = started["judge"]
    environ = {name: str(value) for name, value in judge["environment"].items()}
    settings = read_settings(environ=environ)
    vllms = [name for name in started if name.startswith("vllm")]
    assert settings.judges["default"].url == tuple(f"http://{name}:8000/v1" for name in vllms)
    assert settings.judges["default"].model == REQUIRED["VLLM_MODEL"]
    assert environ[settings.judges["default"].key_env] == started["vllm"]["environment"]["VLLM_API_KEY"]
    assert settings.cache.url == "redis://redis:6379/0"
    assert settings.all_keys() == ("one", "two")
    command, *flags = judge["command"]
    told = get_command(app).commands[command].make_context(command, list(flags)).params  # type: ignore[attr-defined]
    check_binding(told["host"], settings.all_keys(), ())
    assert judge["ports"][0].endswith(f":{told['port']}")


def test_vllm_gets_the_flags_that_up_gives_it_and_those_one_adds() -> None:
    words = services(VLLM_FLAGS="--max-model-len 4096")["vllm"]["command"].split()
    assert words[:3] == ["org/model", "--port", "8000"]
    assert words[-2:] == ["--max-model-len", "4096"]
    assert [word for word in words if word in FLAGS] == list(FLAGS)


async def test_the_health_check_tells_a_service_that_judges_from_one_that_is_away() -> None:
    _, _, *command = services()["judge"]["healthcheck"]["test"]
    assert command[0] == "-c"
    assert "/ready" in command[1]
    async with serving("--offline") as (address, _):
        asked = [sys.executable, "-c", command[1].replace("127.0.0.1:8080", address.removeprefix("http://"))]
        assert subprocess.run(asked, timeout=60, check=False).returncode == 0
    assert subprocess.run(asked, timeout=60, check=False, stderr=subprocess.DEVNULL).returncode != 0


class TestImage:
    def steps(self) -> list[list[str]]:
        """The instructions, word by word; their further lines are left out."""
        return [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines() if re.match(r"[A-Z]+ ", line)]

    def sources(self) -> list[str]:
        """What is copied from the checkout."""
        copied = [step[1:-1] for step in self.steps() if step[0] == "COPY" and not step[1].startswith("--")]
        return [source for sources in copied for source in sources]

    def test_it_runs_as_nobody_special_and_holds_no_more_than_the_package(self) -> None:
        steps = self.steps()
        last = max(n for n, step in enumerate(steps) if step[0] == "FROM")
        kept = steps[last + 1 :]
        users = [step[1] for step in kept if step[0] == "USER"]
        assert users
        assert not {"root", "0"} & set(users)
        assert [step[1] for step in kept if step[0] == "COPY"] == ["--from=build"]
        assert not [step for step in kept if {"apt-get", "pip"} & set(step)]
        assert "HEALTHCHECK" in [step[0] for step in kept]

    def test_what_is_copied_is_all_that_is_sent_and_makes_a_wheel(self, tmp_path: Path) -> None:
        allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        assert sorted(allowed) == sorted(self.sources())
        for source in self.sources():
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, tmp_path / source)  # type: ignore[operator]
        pip = [sys.executable, "-m", "pip", "-q", "wheel", "--no-deps", "--no-build-isolation", "-w", "made", "."]
        made = subprocess.run(pip, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert made.returncode == 0, made.stderr
        assert list(tmp_path.glob("made/judge_service-*.whl"))


def docker_compose() -> list[str]:
    """Docker's own program, where it is: as docker's plugin, or by itself. It needs no docker engine for this."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            said = subprocess.run([*command, "version"], capture_output=True, text=True, check=False).stdout
            if re.search(r"version v?[2-9]", said):
                return command
    return []


if docker_compose():

    @pytest.mark.parametrize("profiles", [{}, REPLICAS])
    def test_docker_compose_itself_takes_the_file(profiles: dict[str, str]) -> None:
        command = [*docker_compose(), "--file", str(FILE), "config", "--services"]
        environ = {**os.environ, **REQUIRED, **profiles}
        end = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
        assert end.returncode == 0, end.stderr
        assert set(end.stdout.split()) == set(services(**profiles))
