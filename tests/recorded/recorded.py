"""Where the recorded judges lie, and how a test reads one of their texts."""

import gzip
import json
import os
from pathlib import Path

import pytest

from judge_service.protocols.readings import Unreadable, default_space, read

_BESIDE_THE_PROJECT = Path(__file__).parents[2].parent / "shared" / "data" / "recorded-judges"
DATA = Path(os.environ.get("JUDGE_RECORDED_DATA") or _BESIDE_THE_PROJECT)


def llmbar(name: str) -> list[dict]:
    """The rows of a file of LLMBar's; skips the test where it is not there."""
    path = DATA / "llmbar" / name
    if not path.exists():
        pytest.skip(f"no recorded judges at {DATA} (set JUDGE_RECORDED_DATA)")
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        return [json.loads(row) for row in rows]


def position(reading: str, text: str) -> str | None:
    """first, second, tie, or None where the text is unreadable."""
    try:
        answer = read(text, default_space(reading))
    except Unreadable:
        return None
    return "first" if answer.first else "second" if answer.second else "tie"
