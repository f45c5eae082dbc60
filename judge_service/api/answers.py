"""Answers as orjson writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; dataclasses within it are written as objects."""
    return Response(orjson.dumps(content), status, headers, "application/json")
