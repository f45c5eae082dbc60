"""What a vLLM server says of its prefix cache, without which every question costs its whole prompt again."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import Wire

log: Final = logging.getLogger(__name__)
LARGE_BLOCK: Final = 256
"""Blocks have 16 tokens on GPUs and 128 on CPUs; only models of hybrid attention have larger ones."""
_SECONDS: Final = 2.0
_TOLD: Final = re.compile(r"^vllm:cache_config_info\{(.*)\}", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


async def warn_of_prefix_cache(wire: Wire) -> None:
    """Warns once, at the start, of a server that cannot use what a case's questions share."""
    try:
        async with asyncio.timeout(_SECONDS):
            reply = await wire.get("/../metrics")
    except (TransientFault, TimeoutError):
        return
    doubt = prefix_cache_doubt(reply.body.decode("utf-8", "replace")) if reply.status == 200 else ""
    if doubt:
        log.warning("%s: %s; a case's questions may each cost their whole prompt (see `doctor`)", wire.address, doubt)


def prefix_cache_doubt(metrics: str) -> str:
    """Why the server with these metrics may find little in its prefix cache; empty where nothing speaks for that."""
    told = _TOLD.search(metrics)
    labels = dict(_LABEL.findall(told[1])) if told else {}
    if labels.get("enable_prefix_caching") == "False":
        return "it keeps no prefix cache (--enable-prefix-caching)"
    # In mode `align` the state of a model's Mamba layers is kept where a scheduler's step ends, and nowhere else.
    block = max(_number(labels, "block_size"), _number(labels, "cache_hit_alignment_tokens"))
    if labels.get("mamba_cache_mode") == "align":
        return f"a model of hybrid attention, whose cache serves whole blocks of {block} tokens, and often none"
    return f"its prefix cache serves whole blocks of {block} tokens only" if block > LARGE_BLOCK else ""


def _number(labels: dict[str, str], name: str) -> int:
    value = labels.get(name, "")
    return int(value) if value.isdecimal() else 0
