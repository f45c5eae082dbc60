"""What a client of the service reads from the environment: apart from settings.py, which needs more than is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

ADDRESS: Final = "http://127.0.0.1:8080"


def server_url(environ: Mapping[str, str] | None = None) -> str:
    """Where the service answers: JUDGE_SERVER_URL, else this machine."""
    return (os.environ if environ is None else environ).get("JUDGE_SERVER_URL") or ADDRESS


def api_key(environ: Mapping[str, str] | None = None) -> str | None:
    """The key to send: JUDGE_API_KEY, if it is set."""
    return (os.environ if environ is None else environ).get("JUDGE_API_KEY") or None
