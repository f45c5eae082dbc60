"""A prefix cache as inference servers have one, without what it caches: it only tells what would have been a hit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from judge_service.emulator.tokens import CHARACTERS_PER_TOKEN

BLOCK_TOKENS: Final = 16
MOST_BLOCKS: Final = 200_000
_BLOCK: Final = BLOCK_TOKENS * CHARACTERS_PER_TOKEN


class Prefixes:
    """The blocks of the prompts seen, each named by all that stands before it; the longest unused goes first."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def hit(self, text: str, salt: object = None) -> int:
        """How many tokens of a prompt are cached; from now on all its whole blocks are."""
        name = hash(salt)
        cached = 0
        unbroken = True
        for start in range(0, len(text) - _BLOCK + 1, _BLOCK):
            name = hash((name, text[start : start + _BLOCK]))
            if name in self._blocks:
                self._blocks.move_to_end(name)
                cached += unbroken
            else:
                unbroken = False
                self._blocks[name] = None
        while len(self._blocks) > MOST_BLOCKS:
            self._blocks.popitem(last=False)
        return cached * BLOCK_TOKENS
