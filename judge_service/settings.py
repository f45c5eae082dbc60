"""The configuration, read once: judge-service.toml, then variables with the prefix JUDGE_, then flags."""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError

from judge_service.errors import InvalidConfiguration
from judge_service.sections import (
    TRACES_PATH,
    CacheSettings,
    JobSettings,
    JudgeSettings,
    Section,
    ServerSettings,
    TraceSettings,
)

FILE: Final = "judge-service.toml"
PREFIX: Final = "JUDGE_"
_SECTIONS: Final = ("judges", "cache", "server", "jobs", "traces", "endpoints")
_PLAIN: Final = ("rubrics", "api_keys", "api_keys_file", "vllm_python")
_CALM_RAY: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class Settings(Section):
    """Everything that can be configured.

    Attributes:
        endpoints: by name of a drop-in endpoint, the defaults of what its callers may say in the query.
    """

    judges: dict[str, JudgeSettings] = Field(default_factory=dict)
    cache: CacheSettings = CacheSettings()
    server: ServerSettings = ServerSettings()
    jobs: JobSettings = JobSettings()
    traces: TraceSettings = TraceSettings()
    endpoints: dict[str, dict[str, Any]] = Field(default_factory=dict)
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
    endpoint = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (base and base + TRACES_PATH)
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
