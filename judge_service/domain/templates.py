"""A prompt's wording: named sections whose $slots are filled in one pass, so that no value is rescanned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from judge_service.domain.answers import LETTERS
from judge_service.domain.digests import digest
from judge_service.domain.prompting import Span, Spans

_SLOT: Final = re.compile(r"\$([a-z_]+)")
_BLANK: Final = re.compile(r"\n[ \t]*\n")

FENCED_SLOTS: Final = frozenset(("standard", "context", "prompt", "reference", "candidates", "notes"))
"""Texts of a case in our own layout, each between lines of ours."""
RAW_SLOTS: Final = frozenset(("raw_context", "raw_prompt", "raw_reference", "raw_first", "raw_second", "raw_response"))
"""Texts of a case as they are, for a format that has its own layout."""
RUBRIC_SLOTS: Final = frozenset(("rubric_question", "rubric_anchors"))
"""A criterion's question, and what each step of its scale means, for a format that has a place for them."""
BLANKS: Final = {"newline": "\n", "space": " "}
"""Slots for blanks that a format has at the end of a line or of all, where a file would lose them."""
USER_SECTIONS: Final = ("user with context and reference", "user with context", "user with reference", "user")
"""What a case is laid out by, the most particular first; only native templates have more than `user`, and a `system
with …` to any of them that is asked under another system prompt."""


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The sections of one prompts/*.md file.

    Attributes:
        sections: `system`, `user`, `candidate`, and the wordings of questions and answers, by name.
        digest: of the sections.
        native: whether the texts stand in it as they are, in the layout that a judge was trained on, and not in ours.
        labels: what the responses are called in the order shown, and then a tie; A, B, C and so on where it is empty.
    """

    id: str
    sections: Mapping[str, str]
    digest: str
    native: bool = False
    labels: tuple[str, ...] = ()

    def called(self, count: int) -> tuple[str, ...]:
        """The labels of so many responses, in the order shown; of those of a pair the third is that of a tie."""
        return self.labels[:count] if len(self.labels) >= count else tuple(LETTERS[:count])

    def reworded(self, sections: Mapping[str, str], labels: tuple[str, ...] = ()) -> PromptTemplate:
        """The same with these sections in the place of its own, under a digest of its own."""
        told = {**self.sections, **sections}
        return PromptTemplate(self.id, told, digest([told, labels]), self.native, labels)

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


def system_of(section: str) -> str:
    """The section with the system prompt that goes with one of USER_SECTIONS."""
    return section.replace("user", "system")


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
