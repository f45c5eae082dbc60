"""What a client of the service reads from the environment: apart from settings.py, which needs more than is there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Final

ADDRESS: Final = "http://127.0.0.1:8080"


def server_url(environ: Mapping[str, str] | None = None) -> str:
    """Where the service answers: JUDGE_SERVER_URL, else this machine."""
    return (os.environ if environ is None else environ).get("JUDGE_SERVER_URL") or ADDRESS


def api_key(environ: Mapping[str, str] | None = None) -> str | None:
    """The key to send: JUDGE_API_KEY, if it is set."""
    return (os.environ if environ is None else environ).get("JUDGE_API_KEY") or None


def options_under(prefix: str, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Arguments that variables with a prefix give, by what follows it in lower case: JSON, and else words."""
    told = os.environ if environ is None else environ
    return {
        name[len(prefix) :].lower(): _value(text) for name, text in told.items() if name.startswith(prefix) and text
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
