"""A toy tokenizer: a token to a character, but for letters behind a space, numbers of two digits and control tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from judge_service.errors import InvalidRequest

CHARACTERS_PER_TOKEN: Final = 4
"""How usage and limits count texts: as real tokenizers do on average."""
THINK: Final = "<think>"
END_THINK: Final = "</think>"

_FIRST_CHARACTER: Final = 1000
_LAST_CHARACTER: Final = _FIRST_CHARACTER + 0x10FFFF
_CONTROL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", THINK, END_THINK)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_IDS: Final[dict[str, int]] = (
    {token: 1 + place for place, token in enumerate(_CONTROL)}
    | {str(number): number for number in range(10, 101)}
    | {f" {letter}": 200 + place for place, letter in enumerate(_LETTERS)}
    | {f" {digit}": 230 + digit for digit in range(10)}
    | {word: 300 + place for place, word in enumerate(("The", "I", "**", "Both", "Tie", "tie"))}
)
_TOKENS: Final = {number: token for token, number in _IDS.items()}
_PIECES: Final = re.compile(
    r"100|[1-9][0-9]| [A-Z0-9](?![A-Za-z0-9])|" + "|".join(map(re.escape, _CONTROL)) + r"|[\s\S]"
)


def id_of(token: str) -> int:
    """The id of one token; of a longer text, that of its first."""
    return _IDS[token] if token in _IDS else encode(token[:1])[0] if token else 0


def token_of(number: int) -> str:
    """The token of that id; the replacement character if there is none."""
    if number in _TOKENS:
        return _TOKENS[number]
    return chr(number - _FIRST_CHARACTER) if _FIRST_CHARACTER <= number <= _LAST_CHARACTER else "\ufffd"


def encode(text: str) -> list[int]:
    """The ids of a text; a text that is itself a token is that token."""
    if text in _IDS:
        return [_IDS[text]]
    return [_IDS[piece] if piece in _IDS else _FIRST_CHARACTER + ord(piece) for piece in _PIECES.findall(text)]


def decode(ids: Iterable[int]) -> str:
    """The text of these ids; code points that no text can hold are replaced."""
    return "".join(map(token_of, ids)).encode("utf-8", "replace").decode()


def ids_in(fields: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """A request field that lists token ids.

    Raises:
        InvalidRequest: it lists something else.
    """
    listed = fields.get(name)
    if listed is None:
        return ()
    if not is_ids(listed):
        raise InvalidRequest(f"{name} is a list of token ids", name)
    return tuple(listed)


def is_ids(value: Any) -> bool:
    """Whether a value is a list of token ids."""
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def template(messages: Sequence[tuple[str, str]]) -> str:
    """Messages as (role, content) in the toy's chat template, open for the assistant's turn."""
    turns = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return turns + "<|im_start|>assistant\n"


def tokens_in(text: str) -> int:
    """How many tokens a text counts for in usage and limits."""
    return len(text) // CHARACTERS_PER_TOKEN
