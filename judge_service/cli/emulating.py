"""emulate: a judge server without a model, for load, faults and debiasing, and for trying things out."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import signal
from collections.abc import Callable
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from judge_service.emulator.behaviour import Behaviour
from judge_service.errors import InvalidOption
from judge_service.loops import run

if TYPE_CHECKING:
    from judge_service.emulator.server import Emulator


def _emulate(host: str, port: int, **told: Any) -> None:
    """Serve an emulated judge: a candidate is worth what `(worth 6.31)` in its text says, or what its hash draws.

    Every flag can be changed while it runs: POST /config. GET /stats tells what it was asked, POST /reset forgets it.
    """
    # Imported only here: the other commands need not wait for it.
    server = importlib.import_module("judge_service.emulator.server")
    run(_served(server.Emulator(Behaviour().changed(told), host, port)))


async def _served(emulator: Emulator) -> None:
    """Serves until the process is told to end."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows: Ctrl-C ends it by KeyboardInterrupt
            break
    try:
        await emulator.start()
    except OSError as e:
        raise InvalidOption(f"cannot listen at {emulator.url}: {e.strerror or e}", "port") from None
    try:
        print(f"emulator: {emulator.url}", flush=True)
        await stopped.wait()
    finally:
        await emulator.stop()


def _flag(setting: Field[Any]) -> inspect.Parameter:
    """The flag of a setting: a tuple is given as names with commas between."""
    told = setting.metadata
    name = setting.name.replace("_", "-")
    kind = str if isinstance(setting.default, tuple) else type(setting.default)
    flag = f"--{name}/--no-{name}" if kind is bool else f"--{name}"
    option = typer.Option(flag, help=told["about"], rich_help_panel=told["group"])
    default = ",".join(setting.default) if isinstance(setting.default, tuple) else setting.default
    return _parameter(setting.name, kind, option, default)


def _parameter(name: str, kind: type, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _command() -> Callable[..., None]:
    """The command with a flag for every setting of the emulator, so that both are one list."""
    parameters = [
        _parameter("host", str, typer.Option(help="Where it listens; 0.0.0.0: all addresses."), "127.0.0.1"),
        _parameter("port", int, typer.Option(help="0 takes a free one."), 8090),
        *map(_flag, fields(Behaviour)),
    ]
    flags: Any = _emulate
    flags.__signature__ = inspect.Signature(parameters)
    flags.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    flags.__name__ = "emulate"
    command: Callable[..., None] = flags
    return command


emulate = _command()
