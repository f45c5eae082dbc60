"""The tiny judge's tokens: a token to each word of its world and of its templates, and bytes for all else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from string import ascii_uppercase, digits
from typing import Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

BEGIN: Final = "<|begin_of_text|>"
PAD: Final = "<|pad|>"
END: Final = "<|eot_id|>"
CONTROL: Final = (PAD, BEGIN, "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", END)
CHAT: Final = (
    "{{ '<|begin_of_text|>' }}{% for m in messages %}"
    "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)
_PIECE: Final = r"\n+| ?[A-Za-z]+| ?[0-9]| ?[^\sA-Za-z0-9]|\s"


def tokenizer_for(texts: Iterable[str], longest: int) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the words of these texts, bytes, and the control tokens of a chat model.

    Every text round-trips. A label (`A`, `1`) is one token with a space before it and without one.
    """
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = {piece.strip(" ") for text in texts for piece in re.findall(_PIECE, text)} - {""}
    pieces = chain.from_iterable((word, f" {word}") for word in sorted(words | set(ascii_uppercase + digits)))
    tokens = [*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(_as_bytes(level, piece) for piece in pieces)]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_PIECE), "isolated"), level])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(CONTROL))
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=BEGIN, eos_token=END, pad_token=PAD)
    fast.chat_template = CHAT
    fast.model_max_length = longest
    return fast


def _as_bytes(level: pre_tokenizers.ByteLevel, piece: str) -> str:
    """The piece as a byte-level vocabulary spells it."""
    return "".join(part for part, _ in level.pre_tokenize_str(piece))
