"""HTTP/1.1 on one connection: requests in, answers out in the same order; no task is made for either."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, cast

import httptools

from judge_service.emulator.faults import Outcome
from judge_service.emulator.outbox import Outbox
from judge_service.emulator.pacing import Stay

MOST_BYTES: Final = 64 * 1024 * 1024
_HEAD: Final = b"HTTP/1.1 %d -\r\ncontent-type: %s\r\n%s%scontent-length: %d\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Request(NamedTuple):
    """One request."""

    method: bytes
    path: bytes
    body: bytes
    keep_alive: bool


_DAMAGED: Final = Request(b"", b"", b"", False)


class Connection(asyncio.Protocol):
    """Reads requests and hands them over one at a time; the next is handed over when the last is answered."""

    def __init__(
        self,
        take: Callable[[Connection, Request], None],
        end: Callable[[Connection], None],
        outbox: Outbox,
        damaged: Outcome,
    ) -> None:
        self.stay: Stay | None = None
        """The call that is being served for this connection, if it takes its time."""
        self._take = take
        self._end = end
        self._outbox = outbox
        self._damaged = damaged
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._parts: list[bytes] = []
        self._size = 0
        self._busy = False
        self._keep_alive = True
        self._waiting: deque[Request] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller has come."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has gone."""
        self._transport = None
        self._waiting.clear()
        self._end(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come: none, one or several requests."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._waiting.append(_DAMAGED)
        self._next()
        if self._waiting and self._transport is not None:
            # The next requests stay with the caller's system until these are answered.
            self._transport.pause_reading()

    def on_url(self, url: bytes) -> None:
        """The parser has read the request's target."""
        self._path = url
        self._parts = []
        self._size = 0

    def on_body(self, part: bytes) -> None:
        """The parser has read a part of the body."""
        self._size += len(part)
        if self._size <= MOST_BYTES:
            self._parts.append(part)
        elif self._transport is not None:
            self._transport.abort()

    def on_message_complete(self) -> None:
        """The parser has read a whole request."""
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        parser = self._parser
        if not parser.should_upgrade():
            self._waiting.append(Request(parser.get_method(), self._path, body, parser.should_keep_alive()))

    def send(self, outcome: Outcome) -> None:
        """Answers the request that was handed over last, while it is being handed over."""
        if self._transport is None:
            return
        self._busy = False
        if outcome.fault == "freset":
            self._reset()
        elif outcome.fault == "fcut":
            self._keep_alive = False
            self._write(outcome, len(outcome.body) // 2)
        else:
            self._write(outcome)

    def send_late(self, outcome: Outcome) -> None:
        """Answers a request that took its time, and goes on to the next."""
        self.stay = None
        self.send(outcome)
        if self._waiting:
            self._next()
            if not self._waiting:
                self.resume_writing()

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """The caller does not read its answers: it gets no more of them until it does."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The caller reads again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _next(self) -> None:
        """Hands over what waits, until an answer takes its time."""
        while self._waiting and not self._busy and self._transport is not None:
            request = self._waiting.popleft()
            self._keep_alive = request.keep_alive
            if request is _DAMAGED:
                self._write(self._damaged)
            else:
                self._busy = True
                self._take(self, request)

    def _write(self, outcome: Outcome, cut: int | None = None) -> None:
        """Writes head and body at once; a cut body falls short of the length that its head names."""
        transport = self._transport
        if transport is None:
            return
        body = outcome.body
        close = b"" if self._keep_alive else b"connection: close\r\n"
        head = _HEAD % (outcome.status, outcome.media, outcome.headers, close, len(body))
        if not self._keep_alive:
            self._waiting.clear()
        self._outbox.put(transport, head + (body if cut is None else body[:cut]), last=not self._keep_alive)

    def _reset(self) -> None:
        """Closes so that the caller's system sees a reset."""
        assert self._transport is not None
        self._outbox.flush()
        sock = socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno()))
        with sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()
