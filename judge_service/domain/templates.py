"""A prompt's wording: named sections whose $slots are filled in one pass, so that no value is rescanned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from judge_service.domain.prompting import Span, Spans

_SLOT: Final = re.compile(r"\$([a-z_]+)")
_BLANK: Final = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The sections of one prompts/*.md file.

    Attributes:
        sections: `system`, `user`, `candidate`, and the wordings of questions and answers, by name.
        digest: of the sections.
    """

    id: str
    sections: Mapping[str, str]
    digest: str

    def text(self, section: str, **values: str) -> str:
        """A section with its slots filled by our own text."""
        return _SLOT.sub(lambda slot: values[slot[1]], self.sections[section])

    def layout(self, section: str, fixed: Mapping[str, str]) -> Layout:
        """A section with our own text already in place; what is left open is filled per case."""
        return Layout(_merged(_blocks(self.sections[section], fixed)))


Piece = str | tuple[str]
"""Our own text, or a slot that is still open (a tuple of its name)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks of text with open slots. A block whose slot turns out empty is left out, and needs no code for it."""

    blocks: tuple[tuple[Piece, ...], ...]

    def fill(self, values: Mapping[str, Spans]) -> Spans:
        """The spans of the whole section; each value stays one untouched run of spans."""
        out: list[Span] = []
        for block in self.blocks:
            if all(isinstance(piece, str) or values.get(piece[0]) for piece in block):
                for piece in block:
                    if isinstance(piece, str):
                        out.append(Span(piece))
                    else:
                        out.extend(values[piece[0]])
        return tuple(out)


def slots_of(text: str) -> set[str]:
    """The names of the slots in a section."""
    return set(_SLOT.findall(text))


def _blocks(text: str, fixed: Mapping[str, str]) -> list[list[Piece]]:
    blocks = []
    for block in _BLANK.split(text.strip("\n")):
        pieces = [_piece(part, fixed, i % 2 == 1) for i, part in enumerate(_SLOT.split(block))]
        if "" not in [p for i, p in enumerate(pieces) if i % 2 == 1]:
            blocks.append([p for p in pieces if p != ""])
    return blocks


def _piece(part: str, fixed: Mapping[str, str], is_slot: bool) -> Piece:
    if not is_slot:
        return part
    return fixed.get(part, (part,))


def _merged(blocks: Sequence[Sequence[Piece]]) -> tuple[tuple[Piece, ...], ...]:
    """Runs of our own text joined into one piece, with the blank lines between blocks made explicit."""
    merged: list[tuple[Piece, ...]] = []
    for i, block in enumerate(blocks):
        gap = "\n\n" if i else ""
        joined = _joined([gap, *block])
        if merged and _is_ours(joined) and _is_ours(merged[-1]):
            joined = _joined([*merged.pop(), *joined])
        merged.append(joined)
    return tuple(merged)


def _is_ours(block: Sequence[Piece]) -> bool:
    return all(isinstance(piece, str) for piece in block)


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return tuple(out)
