"""Where the recorded judges lie, and how a test reads one of their texts."""

import os
from pathlib import Path

from judge_service.protocols.readings import Unreadable, default_space, read

_BESIDE_THE_PROJECT = Path(__file__).parents[2].parent / "shared" / "data" / "recorded-judges"
DATA = Path(os.environ.get("JUDGE_RECORDED_DATA") or _BESIDE_THE_PROJECT)


def position(reading: str, text: str) -> str | None:
    """first, second, tie, or None where the text is unreadable."""
    try:
        answer = read(text, default_space(reading))
    except Unreadable:
        return None
    return "first" if answer.first else "second" if answer.second else "tie"
