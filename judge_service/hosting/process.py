"""One vLLM server as a process: its start told in short lines, its end seen, and itself taken down with its owner."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Final, Self

import httpx

from judge_service.errors import JudgeDown
from judge_service.hosting import guard
from judge_service.hosting.launching import Launch
from judge_service.hosting.stages import stage_of

GRACE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.25
_READ_SECONDS: Final = 1.0
_QUIET_SECONDS: Final = 30.0
_LAST_LINES: Final = 20


class VllmServer:
    """Started and stopped as a context; a guard process ends it even if we are killed outright.

    Args:
        key: what it asks of those who call it; it must have it from the environment as well.
        tell: is given a short line for each stage of the start.
        lost: is given its last lines, in a thread of its own, if it ends by itself after it was ready.
        log: where all that it prints goes, unbuffered, if anywhere.

    Attributes:
        is_lost: it was ready, and has ended by itself.
    """

    def __init__(
        self, launch: Launch, key: str, tell: Callable[[str], None], lost: Callable[[str], None], log: IO[bytes] | None
    ) -> None:
        self.is_lost = False
        self._launch = launch
        self._client = httpx.Client(headers={"authorization": f"Bearer {key}"}, timeout=2.0, trust_env=False)
        self._tell = tell
        self._lost = lost
        self._log = log
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._started = time.monotonic()
        self._told = ("starting", self._started)
        self._is_ready = False
        self._is_ending = False

    def __enter__(self) -> Self:
        # In a session of its own: a terminal's Ctrl-C is for us, and what we do about it comes first.
        command = (sys.executable, "-I", "-S", guard.__file__, str(GRACE_SECONDS), *self._launch.command)
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_ending = True
        self._client.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._reader.join(_READ_SECONDS)

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"{self._launch.address}/v1"

    @property
    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self._last)

    def ready(self, seconds: float) -> str:
        """Waits until it answers; the name under which it serves the model.

        Raises:
            JudgeDown: it has ended, or the time has.
        """
        until = self._started + seconds
        while True:
            name = self._served()
            self._is_ready = bool(name)
            # After the line above and not before it: an end that comes between them would be nobody's.
            if self._process.poll() is not None:
                self._reader.join(_READ_SECONDS)
                raise JudgeDown(f"vLLM ended with exit code {self._process.returncode} before it was ready")
            if name:
                self._tell(f"ready after {self._seconds:.0f} s")
                return name
            if time.monotonic() > until:
                raise JudgeDown(f"vLLM was not ready after {seconds:g} s (--wait)")
            self._tell_that_it_lasts()
            time.sleep(_POLL_SECONDS)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _served(self) -> str:
        """The model's name, once it answers."""
        try:
            if self._client.get(f"{self._launch.address}/health").status_code != 200:
                return ""
            # Ours asks for its key. What answers anybody took the port before ours could, which will end for it.
            if self._client.get(f"{self.url}/models", headers={"authorization": ""}).status_code == 200:
                return ""
            answer = self._client.get(f"{self.url}/models")
        except (httpx.HTTPError, httpx.InvalidURL):
            return ""
        if answer.status_code in (401, 403):
            raise JudgeDown(f"what answers at {self._launch.address} does not take the key that vLLM was given")
        listed: Any = answer.json() if answer.status_code == 200 else {}
        return str(listed["data"][0]["id"]) if listed.get("data") else ""

    def _tell_that_it_lasts(self) -> None:
        stage, when = self._told
        if time.monotonic() - when > _QUIET_SECONDS:
            self._told = (stage, time.monotonic())
            self._tell(f"still {stage} ({self._seconds:.0f} s)")

    def _read(self) -> None:
        """Takes in what it prints, for as long as it lives: a pipe that nobody empties would hold it up."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(OSError, ValueError):  # nor is a full disk, or a terminal that has gone, a reason to
                self._heard(line.rstrip())

    def _watch(self) -> None:
        self._process.wait()
        if self._is_ready and not self._is_ending:
            self._reader.join(_READ_SECONDS)
            self.is_lost = True
            self._lost(self.last_lines)

    def _heard(self, line: str) -> None:
        if not line:
            return
        self._last.append(line)
        stage = stage_of(line)
        if stage and stage != self._told[0]:
            self._told = (stage, time.monotonic())
            self._tell(f"{stage} ({self._seconds:.0f} s)")
        if self._log is not None:
            self._log.write(f"{line}\n".encode())
