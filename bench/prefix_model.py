"""A model with random weights and a tokenizer like those of real models, for `prefix.py`: its verdicts mean nothing.

    ENGINE_PYTHON bench/prefix_model.py FOLDER

Byte-pair tokens, trained on this repository's own texts, with a number's digits apart, as Qwen, Gemma and Llama 2 have
them. What our prompts take in such tokens is what they take in those of DeepSeek and Claude, within a tenth.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

ROOT: Final = Path(__file__).parent.parent
END: Final = "<|im_end|>"
CONTROL: Final = ("<|endoftext|>", "<|im_start|>", END)
CHAT: Final = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
PIECE: Final = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
VOCABULARY: Final = 6000
LONGEST: Final = 16384


def tokens() -> PreTrainedTokenizerFast:
    """The tokenizer."""
    made = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PIECE), "isolated"), level])
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(CONTROL), initial_alphabet=alphabet, show_progress=False
    )
    read = [ROOT / "LICENSE", *sorted(ROOT.glob("prompts/*.md")), *sorted(ROOT.glob("rubrics/*.toml"))]
    made.train([str(path) for path in read], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, pad_token=CONTROL[0])
    fast.chat_template = CHAT
    fast.model_max_length = LONGEST
    return fast


def build(folder: Path) -> None:
    """Writes the model and its tokenizer into the folder."""
    torch.manual_seed(0)
    tokenizer = tokens()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
