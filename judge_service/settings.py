"""The configuration, read once: judge-service.toml, then variables with the prefix JUDGE_, then flags."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from judge_service.errors import InvalidConfiguration

FILE: Final = "judge-service.toml"
PREFIX: Final = "JUDGE_"
_SECTIONS: Final = ("judges", "cache", "server", "jobs", "traces")
_PLAIN: Final = ("rubrics", "api_keys", "api_keys_file", "vllm_python")
_TRACES_PATH: Final = "/v1/traces"
_CALM_RAY: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JudgeSettings(_Section):
    """One judge: where it is and how it is asked.

    Attributes:
        kind: `auto` asks the server whether it is vLLM; `reward` is a reward model that vLLM serves.
        url: its servers, which are replicas; `@FILE` is a file that lists some, and is read again when it changes.
        concurrency: the most calls that each of them is sent at a time; fewer if it cannot keep up.
        images: whether its model sees; a judge that is not said to is never sent an image.
    """

    kind: Literal["auto", "chat", "vllm", "reward", "offline"] = "auto"
    url: tuple[str, ...] = ()
    model: str = ""
    revision: str = ""
    key_env: str = ""
    concurrency: int = Field(default=256, ge=1, le=100_000)
    tokenizer: str = ""
    images: bool = False
    thinking: Literal["auto", "never", "optional", "always"] = "auto"
    thinking_tokens: int = Field(default=8192, ge=1)
    explanation_tokens: int = Field(default=1024, ge=1)
    canary_seconds: float = Field(default=600.0, ge=0.0)
    min_label_mass: float = Field(default=0.5, ge=0.0, le=1.0)
    sampling: dict[str, Any] = {}
    template_kwargs: dict[str, Any] = {}

    @field_validator("url", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value


class CacheSettings(_Section):
    """Where answers are remembered; an empty url is a file in the user's cache directory.

    Attributes:
        max_age_days: how old an entry may get; 0 is no limit.
        max_bytes: how large a cache file may get, the oldest entries going first; 0 is no limit. (Redis has its own.)
        max_entry_bytes: larger entries are not kept in Redis.
        namespace: services that share a Redis share entries if they share this.
        timeout: seconds that one operation of Redis may take before judging goes on without it.
    """

    url: str = ""
    explanations: bool = True
    max_age_days: float = Field(default=0.0, ge=0.0)
    max_bytes: int = Field(default=0, ge=0)
    max_entry_bytes: int = Field(default=2**20, ge=1)
    namespace: str = Field(default="judge-service", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    timeout: float = Field(default=0.25, gt=0.0, le=60.0)


class ServerSettings(_Section):
    """The HTTP API's limits."""

    max_body_bytes: int = Field(default=64 * 2**20, ge=1024)
    max_cases: int = Field(default=10_000, ge=1)
    cases_in_flight: int = Field(default=256, ge=1)
    cases_waiting: int = Field(default=20_000, ge=1)
    share_cache: bool = False
    grace_seconds: float = Field(default=30.0, ge=0.0)


class JobSettings(_Section):
    """Where files and batches of the HTTP API are kept, and how much of the server they take.

    Attributes:
        url: sqlite:///path, redis://host, memory:// (for as long as the server runs) or none; empty for where the cache
            is: the same Redis, or a file beside the cache's.
        share: of `server.cases_in_flight`, that batches may take while nobody else wants it.
        at_once: batches that one server process works on at a time.
        keep_days: how long files and ended batches are kept, unless a caller says less.
        lease_seconds: how long the batch of a server that died waits for another to take it over.
        cancel_seconds: how long lines under way may take once their batch was cancelled.
    """

    url: str = ""
    max_file_bytes: int = Field(default=200 * 2**20, ge=1)
    max_lines: int = Field(default=50_000, ge=1)
    share: float = Field(default=0.5, gt=0.0, le=1.0)
    at_once: int = Field(default=4, ge=1)
    keep_days: float = Field(default=30.0, gt=0.0)
    lease_seconds: float = Field(default=15.0, gt=0.0)
    cancel_seconds: float = Field(default=10.0, ge=0.0)


class TraceSettings(_Section):
    """Where traces go, by OpenTelemetry's protocol over HTTP; nowhere if the endpoint is empty.

    Attributes:
        endpoint: the collector's address; /v1/traces is added to one without a path.
        service_name: what the service is called there; empty for OpenTelemetry's own variable.
    """

    endpoint: str = ""
    protocol: Literal["http/protobuf"] = "http/protobuf"
    service_name: str = ""

    @field_validator("endpoint")
    @classmethod
    def _whole(cls, value: str) -> str:
        if not value:
            return value
        address = urlsplit(value)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"the collector's address starts with http:// or https://; got {value!r}")
        return value if address.path.strip("/") else value.rstrip("/") + _TRACES_PATH


class Settings(_Section):
    """Everything that can be configured."""

    judges: dict[str, JudgeSettings] = {}
    cache: CacheSettings = CacheSettings()
    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    traces: TraceSettings = TraceSettings()
    rubrics: str = ""
    api_keys: str = ""
    api_keys_file: str = ""
    vllm_python: str = ""

    def keys(self) -> tuple[str, ...]:
        """The API keys, from the variable and from the file (one a line)."""
        listed = self.api_keys.split(",")
        if self.api_keys_file:
            listed += _text(Path(self.api_keys_file)).splitlines()
        return tuple(key.strip() for key in listed if key.strip())


def read_settings(
    flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """The settings of this process.

    Args:
        flags: values from the command line, nested like the file; they win.
        file: the configuration file; `judge-service.toml` in the working directory, if there is one, when None.

    Raises:
        InvalidConfiguration: naming the place and the reason.
    """
    told: dict[str, Any] = _from_file(file)
    variables = os.environ if environ is None else environ
    _merge(told, _from_opentelemetry(variables))
    _merge(told, _from_environment(variables))
    _merge(told, flags or {})
    try:
        return Settings.model_validate(told)
    except ValidationError as e:
        first = e.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidConfiguration(f"configuration: {place}: {first['msg']}") from None


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    if file is None and not path.is_file():
        return {}
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as e:
        raise InvalidConfiguration(f"{path}: {e}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise InvalidConfiguration(f"{path}: {e}") from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """JUDGE_CACHE__URL becomes cache.url. Variables of other programs that share the prefix are left alone."""
    told: dict[str, Any] = {}
    for name, value in environ.items():
        path = name.removeprefix(PREFIX).lower().split("__")
        is_ours = (path[0] in _SECTIONS and len(path) > 1) or (path[0] in _PLAIN and len(path) == 1)
        if name.startswith(PREFIX) and is_ours:
            _merge(told, _nested(path, value))
    return told


def _from_opentelemetry(environ: Mapping[str, str]) -> dict[str, Any]:
    """Where OpenTelemetry's own variables send traces, if they send any; the rest of them its SDK reads itself."""
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (base and base + _TRACES_PATH)
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not endpoint or is_off or environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return {}
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    return {"traces": {"endpoint": endpoint} | ({"protocol": protocol} if protocol else {})}


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    return {path[0]: _nested(path[1:], value) if len(path) > 1 else value}


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value


def share_metrics_in(folder: str) -> None:
    """Makes this process's children keep their metrics in one folder; Prometheus's client reads the variable."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def hold_secret(name: str, key: str = "") -> str:
    """The key in the environment variable of that name, for this process and its children: the one given, else the one
    that is there, else one drawn now.
    """
    held = key or os.environ.get(name) or secrets.token_urlsafe(32)
    os.environ[name] = held
    return held


def ray_address(told: str) -> str:
    """Where Ray runs: the address given, else that of Ray's own variable, else this machine."""
    return told or os.environ.get("RAY_ADDRESS") or "local"


def calm_ray() -> None:
    """Before Ray is imported: it tells nobody of its use, prints nothing, and starts nothing that was not asked for."""
    for name, value in _CALM_RAY.items():
        os.environ.setdefault(name, value)


def user_cache_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where this user's programs keep what they can make again."""
    told = (os.environ if environ is None else environ).get("XDG_CACHE_HOME", "")
    return (Path(told) if told else Path.home() / ".cache") / "judge-service"


def secret(name: str) -> str | None:
    """A key from the environment variable of that name.

    Raises:
        InvalidConfiguration: the variable was named and is not set.
    """
    if not name:
        return None
    value = os.environ.get(name)
    if not value:
        raise InvalidConfiguration(f"the variable {name}, which should hold the judge's key, is not set")
    return value
