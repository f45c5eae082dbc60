"""The configuration's sections: what each may hold, its default and its limits."""

from __future__ import annotations

from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

TRACES_PATH: Final = "/v1/traces"


class Section(BaseModel):
    """A part of the configuration: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JudgeSettings(Section):
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


class CacheSettings(Section):
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


class ServerSettings(Section):
    """The HTTP API's limits."""

    max_body_bytes: int = Field(default=64 * 2**20, ge=1024)
    max_cases: int = Field(default=10_000, ge=1)
    cases_in_flight: int = Field(default=256, ge=1)
    cases_waiting: int = Field(default=20_000, ge=1)
    share_cache: bool = False
    grace_seconds: float = Field(default=30.0, ge=0.0)


class JobSettings(Section):
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


class CohortSettings(Section):
    """How callers are gathered who send one response at a time.

    Attributes:
        url: redis://host, which all server processes share, or memory:// for a server of one process; empty for the
            cache's Redis, or else the memory.
        most_members: how large a group may be asked for.
        most_open: prompts that one server process gathers for at a time.
        longest_wait: seconds that may be asked for as `wait`.
        lease_seconds: how long a server that died is thought to live: so long the next try of its callers, and a cohort
            that it was ranking, may wait.
    """

    url: str = ""
    most_members: int = Field(default=64, ge=2, le=1000)
    most_open: int = Field(default=10_000, ge=1)
    longest_wait: float = Field(default=600.0, gt=0.0)
    lease_seconds: float = Field(default=3.0, gt=0.0)


class TraceSettings(Section):
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
        return value if address.path.strip("/") else value.rstrip("/") + TRACES_PATH
