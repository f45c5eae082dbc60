"""A share of the rows, by a stable hash of the prompt: all rows of one prompt fall into the same share."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from judge_service.batch.rows import PROMPT_NAMES
from judge_service.domain.digests import draw
from judge_service.errors import InvalidOption
from judge_service.files.reading import Row


def parse_shard(told: str) -> tuple[int, int]:
    """`i/n` as two numbers. Counting may start at 0 or at 1: share n of n is share 0.

    Raises:
        InvalidOption: not of that form.
    """
    part, _, whole = told.partition("/")
    if not part.isdigit() or not whole.isdigit() or not int(whole) > 0 or int(part) > int(whole):
        raise InvalidOption(f"--shard is i/n, such as 1/8; got {told!r}", "shard")
    return int(part) % int(whole), int(whole)


def in_shard(row: Row, fields: Mapping[str, str], share: tuple[int, int]) -> bool:
    """Whether a row belongs to this share; a row without a prompt goes by its place."""
    value = row.value if isinstance(row.value, Mapping) else {}
    names = (fields["prompt"],) if "prompt" in fields else PROMPT_NAMES
    prompt = next((value[name] for name in names if value.get(name) is not None), row.where)
    group = prompt if isinstance(prompt, str) else orjson.dumps(prompt).decode()
    return draw("shard", group) % share[1] == share[0]
