"""What a line of vLLM's log says about how far its start is; nearly all of them say nothing."""

from __future__ import annotations

import re
from typing import Final

# In vLLM's own words, 0.2x to 0.33; a line that is worded otherwise one day is a stage not told, and nothing worse.
_STAGES: Final = tuple(
    (re.compile(sign), told)
    for sign, told in (
        (r"Resolved architecture: (\w+)", r"the model is a \1"),
        (r"Starting to load model", "loading weights"),
        (r"checkpoint shards: +([1-9]\d*)% Completed", r"loading weights: \1%"),
        (r"Loading weights took ([\d.]+) seconds", r"weights loaded in \1 s"),
        (r"Warming up model for the compilation|Dynamo bytecode transform|Compiling a graph", "compiling"),
        (r"[Cc]apturing CUDA graphs?", "capturing CUDA graphs"),
        (r"KV cache size: ([\d,]+) tokens", r"the KV cache holds \1 tokens"),
        (r"Starting vLLM (?:API )?server", "opening the server"),
    )
)


def stage_of(line: str) -> str | None:
    """The stage that this line tells of, in our words."""
    for sign, told in _STAGES:
        found = sign.search(line)
        if found:
            return found.expand(told)
    return None
