"""What vLLM is started with, and where it will then answer."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import sample
from typing import Final

from judge_service.errors import JudgeDown

LOOPBACK: Final = "127.0.0.1"
# Not the command `vllm`: it fails on builds for the CPU.
_MODULE: Final = "vllm.entrypoints.openai.api_server"
_PORTS: Final = range(20_000, 32_000)
_TRIES: Final = 100
_ALL_ADDRESSES: Final = ("0.0.0.0", "::", "")  # noqa: S104
FLAGS: Final = (
    "--enable-prefix-caching",  # the same rubric and prompt begin many questions
    "--scheduling-policy", "priority",  # without it a request that has a priority is refused
    "--enable-prompt-tokens-details",  # tells what the prefix cache saved
    "--disable-uvicorn-access-log",  # a line to each of thousands of calls
)  # fmt: skip


CPU_FLAGS: Final = (
    # A drawn answer with a seed whose prompt is computed in parts ends vLLM 0.32 there: "CPU Generator does not use
    # offset" (`gpu_model_runner.py` takes the generator back by an offset that a CPU's has not).
    "--no-enable-chunked-prefill",
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How vLLM is started.

    Attributes:
        command: the program and its arguments. Not the key: others could read it there.
        address: where it will listen, such as http://127.0.0.1:43210.
        key: the key told on its command line after all, if one was.
    """

    command: tuple[str, ...]
    address: str
    key: str


def launch(python: str, model: str, more: Sequence[str] = (), on_cpu: bool = False) -> Launch:
    """Listens on loopback, since most of vLLM's routes ask for no key. What `more` says comes last, and wins."""
    own = ("--model", model, "--host", LOOPBACK, "--port", str(_free_port()), *FLAGS)
    flags = (*own, *(CPU_FLAGS if on_cpu else ()), *more)
    host = _told(flags, "--host")
    host = LOOPBACK if host in _ALL_ADDRESSES else f"[{host}]" if ":" in host else host
    address = f"http://{host}:{_told(flags, '--port')}"
    return Launch((python, "-m", _MODULE, *flags), address, _told(flags, "--api-key"))


def _told(flags: Sequence[str], name: str) -> str:
    """The last value given to a flag."""
    value = ""
    for flag, following in zip(flags, (*flags[1:], ""), strict=True):
        if flag == name:
            value = following
        elif flag.startswith(f"{name}="):
            value = flag.partition("=")[2]
    return value


def _free_port() -> int:
    """A port that nobody has, below those the system hands out: vLLM takes it only after seconds."""
    for port in sample(_PORTS, _TRIES):
        with socket.socket() as held, suppress(OSError):
            held.bind((LOOPBACK, port))
            return port
    raise JudgeDown("there is no free port for vLLM; give one after --, as --port")
