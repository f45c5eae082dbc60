"""A judge with random weights, built in seconds: right shapes, tokens and probabilities, and no judgment at all.

`python tests/engine/random_judge.py FOLDER [SEED]` (torch, transformers). Its tokens are bytes, letters and digits
with a space before them, and the control tokens of a ChatML model; it takes prompts of up to 8192 bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

END: Final = "<|im_end|>"
CONTROL: Final = ("<|endoftext|>", "<|im_start|>", END)
LONGEST: Final = 8192
CHAT: Final = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_SPACE: Final = "\u0120"
"""How a byte-level vocabulary spells a space."""


def build(folder: Path, seed: int = 0) -> Path:
    """Writes the model and its tokenizer into the folder; the same seed makes the same judge."""
    torch.manual_seed(seed)
    tokens = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        initializer_range=0.3,  # the default leaves all tokens equally likely, and nothing could be told apart
        bos_token_id=None,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    spaced = [_SPACE + label for label in ascii_uppercase + digits]
    vocabulary = {token: i for i, token in enumerate([*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet()), *spaced])}
    merges = [(_SPACE, label) for label in ascii_uppercase + digits]
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(list(CONTROL))
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=CONTROL[0])
    fast.chat_template = CHAT
    fast.model_max_length = LONGEST
    return fast


if __name__ == "__main__":
    build(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
