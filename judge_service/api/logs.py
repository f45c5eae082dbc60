"""Logs as JSON lines: what happened, never what was said. No text of a caller and no key is ever logged."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson


class JsonLines(logging.Formatter):
    """One JSON object a record; a request's own fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "request", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


def log_as_json(requests: bool) -> None:
    """Sends this process's log to standard error as JSON lines.

    Args:
        requests: whether each request gets a line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.getLogger("judge_service").setLevel(logging.INFO if requests else logging.WARNING)
