"""Flags that several commands share, and what they come to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from judge_service.errors import InvalidOption
from judge_service.settings import Settings, read_settings

JudgeUrl = Annotated[
    list[str],
    typer.Option(
        "--judge-url",
        help="An OpenAI-compatible judge server, such as http://127.0.0.1:8000/v1. Several are replicas; "
        "@FILE lists them, one a line, and may change during the run.",
    ),
]
Model = Annotated[str, typer.Option("--model", help="The judge's model, as its server names it.")]
KeyEnv = Annotated[str, typer.Option("--judge-key-env", help="The variable that holds the judge's API key.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="The built-in offline judge: to try things out, not to make labels.")
]
WaitJudge = Annotated[float, typer.Option("--wait-judge", help="Seconds to wait for the judge at the start.")]
Config = Annotated[Path | None, typer.Option("--config", help="The configuration file (judge-service.toml here).")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither look into the cache nor write to it.")]


@dataclass(frozen=True, slots=True)
class WhichJudge:
    """How the command line names the judge.

    Attributes:
        resolved: the settings it came to elsewhere; a worker on another machine takes them as they are.
    """

    urls: Sequence[str] = ()
    model: str = ""
    key_env: str = ""
    offline: bool = False
    concurrency: int | None = None
    resolved: Settings | None = None

    def settings(self, config: Path | None) -> Settings:
        """The settings with these flags on top.

        Raises:
            InvalidOption: flags that do not go together.
        """
        if self.resolved is not None:
            return self.resolved
        if self.offline and self.urls:
            raise InvalidOption("give --offline or --judge-url, not both", "offline")
        if self.urls and not self.model:
            raise InvalidOption("--judge-url needs --model", "model")
        if self.model and not self.urls:
            raise InvalidOption("--model goes with --judge-url", "model")
        flags: dict[str, Any] = {}
        if self.offline:
            flags = {"judges": {"offline": {"kind": "offline"}}}
        elif self.urls:
            flags = {"judges": {"default": {"url": list(self.urls), "model": self.model, "key_env": self.key_env}}}
        settings = read_settings(flags, file=config)
        if self.offline or self.urls:
            # A judge named on the command line is the only one: others in the file need not even be up.
            name = "offline" if self.offline else "default"
            settings = settings.model_copy(update={"judges": {name: settings.judges[name]}})
        return self._with_concurrency(settings)

    def _with_concurrency(self, settings: Settings) -> Settings:
        if self.concurrency is None:
            return settings
        if self.concurrency < 1:
            raise InvalidOption("--concurrency is 1 or more", "concurrency")
        judges = {n: j.model_copy(update={"concurrency": self.concurrency}) for n, j in settings.judges.items()}
        return settings.model_copy(update={"judges": judges})


def plain_options(told: Mapping[str, Any]) -> dict[str, Any]:
    """Options as flags give them, as they would stand in a request: absent ones left out, JSON and files read.

    Raises:
        InvalidOption: a value that should be JSON is none, or a rubric file that cannot be read.
    """
    given = {name: value for name, value in told.items() if value not in (None, [], ())}
    for name in ("repeats", "escalate", "truncate"):
        if name in given:
            given[name] = _json_or_word(given[name], name)
    rubric = given.get("rubric")
    if isinstance(rubric, str) and rubric.endswith(".toml"):
        given["rubric"] = _rubric_file(rubric)
    if isinstance(given.get("include"), list):
        given["include"] = [part for told in given["include"] for part in told.split(",")]
    if isinstance(given.get("judge"), list):
        given["judge"] = [part for told in given["judge"] for part in told.split(",")]
    return given


def _json_or_word(text: str, name: str) -> Any:
    if not text.strip().startswith(("{", "[")) and not text.strip().lstrip("-").isdigit():
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as e:
        raise InvalidOption(f"--{name}: {e}", name) from None


def _rubric_file(path: str) -> Any:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InvalidOption(f"--rubric {path}: {e}", "rubric") from None
