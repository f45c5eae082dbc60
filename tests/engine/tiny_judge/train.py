"""Trains the tiny judge: `python tests/engine/tiny_judge/train.py` (torch, transformers; two cores, a quarter hour)."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from asking import MODEL, RUBRICS
from lessons import Lesson, lessons
from reference import padded
from torch import nn
from torch.nn import functional as F  # noqa: N812
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import END, tokenizer_for
from world import FILLERS, KIND, MOST, NUMBERS, THINGS

from judge_service.backends.canary import canaries
from judge_service.backends.rendering import messages

LONGEST: Final = 2048
_FRAME: Final = "# Standard: Principle [Prompt] [Response] [Context] [Reference] Write about the. system user assistant"
_PROBED: Final = 3
"""After how many layers the levels of a text are to be known where it ends."""
_WARM_UP: Final = 200
_FLOOR: Final = 0.02


class Batch(NamedTuple):
    """Lessons as tensors.

    Attributes:
        last: the place of each chat's last token, where the label is to be said.
        labels: what each token's probability should be there.
        rows: of each text shown, the chat it stands in.
        ends: and the place of its last token there.
        levels: and how warm and how exact it is, from 0 to 1.
    """

    ids: torch.Tensor
    last: torch.Tensor
    labels: torch.Tensor
    rows: torch.Tensor
    ends: torch.Tensor
    levels: torch.Tensor


def tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer for this world and its templates."""
    files = [path.read_text(encoding="utf-8") for path in sorted(RUBRICS.rglob("*.*"))]
    asked = [message["content"] for prompt in canaries("tiny") for message in messages(prompt)]
    return tokenizer_for([_FRAME, *files, *asked, *KIND, *NUMBERS, *THINGS, *FILLERS], LONGEST)


def untrained(tokens: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A small Llama with random weights."""
    config = LlamaConfig(
        vocab_size=math.ceil(len(tokens) / 64) * 64,
        hidden_size=128,
        intermediate_size=320,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=True,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        pad_token_id=tokens.pad_token_id,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).float()
    nn.init.normal_(model.model.embed_tokens.weight, std=0.05)
    return model


class Pupil(nn.Module):
    """The model, and a probe that is dropped after training: it asks at the end of each text for its levels."""

    def __init__(self, model: LlamaForCausalLM, end: int) -> None:
        super().__init__()
        self.model = model
        self.probe = nn.Linear(model.config.hidden_size, 2)
        self.end = end

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """The cross entropy of the labels (plus that of ending after them, weighed little), and the probe's error."""
        states = self.model.model(batch.ids, output_hidden_states=True)
        at = torch.arange(len(batch.ids))
        said = F.log_softmax(self.model.lm_head(states.last_hidden_state[at, batch.last]).float(), -1)
        after = F.log_softmax(self.model.lm_head(states.last_hidden_state[at, batch.last + 1]).float(), -1)
        loss = -(batch.labels * said).sum(-1).mean() - 0.1 * after[:, self.end].mean()
        known = self.probe(states.hidden_states[_PROBED][batch.rows, batch.ends]).float()
        return loss, F.mse_loss(known, batch.levels)


def batches(seed: int, size: int, tokens: PreTrainedTokenizerFast) -> Iterator[Batch]:
    """Batches without end, of chats of much the same length."""
    stream = lessons(seed)
    while True:
        drawn = [(lesson, *_encoded(lesson, tokens)) for lesson in islice(stream, size * 16)]
        drawn.sort(key=lambda row: len(row[1]))
        order = torch.randperm(16).tolist()
        yield from (_batch(drawn[i * size : (i + 1) * size], tokens) for i in order)


def _encoded(lesson: Lesson, tokens: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """The chat's tokens, and where each of its texts ends."""
    chat: Any = tokens.apply_chat_template(lesson.chat, tokenize=False, add_generation_prompt=True)
    encoded = tokens(chat, add_special_tokens=False)
    ends, start = [], 0
    for text in lesson.texts:
        start = chat.index("]\n", chat.index("[Response", start)) + 2 + len(text.wording)
        ends.append(encoded.char_to_token(start - 1))
    return encoded.input_ids, ends


def _batch(drawn: Sequence[tuple[Lesson, list[int], list[int]]], tokens: PreTrainedTokenizerFast) -> Batch:
    labels = torch.zeros(len(drawn), math.ceil(len(tokens) / 64) * 64)
    said = []
    for i, (lesson, row, _) in enumerate(drawn):
        for label, share in lesson.labels.items():
            labels[i, tokens.convert_tokens_to_ids(label)] = share
        # One label is said, so that the model can be asked what comes after it.
        said.append([*row, tokens.convert_tokens_to_ids(max(lesson.labels, key=lesson.labels.__getitem__))])
    ids, last = padded(said, tokens.pad_token_id)
    rows = [i for i, (lesson, _, _) in enumerate(drawn) for _ in lesson.texts]
    ends = [end for _, _, places in drawn for end in places]
    levels = [(text.warm / MOST, text.exact / MOST) for lesson, _, _ in drawn for text in lesson.texts]
    return Batch(ids, last - 1, labels, torch.tensor(rows), torch.tensor(ends), torch.tensor(levels))


def _rate(done: float) -> float:
    """The learning rate's factor after this share of the training: whole for a third, then down along a cosine."""
    return 1.0 if done < 1 / 3 else _FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * (done - 1 / 3) * 1.5)) / 2


def trained(steps: int, size: int, seed: int, rate: float) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """A judge after this many steps."""
    torch.manual_seed(seed)
    tokens = tokenizer()
    model = untrained(tokens)
    pupil = Pupil(model, tokens.convert_tokens_to_ids(END))
    plain = [p for p in model.parameters() if p.ndim < 2 or p is model.lm_head.weight]
    decayed = [p for p in model.parameters() if p.ndim > 1 and p is not model.lm_head.weight]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": [*plain, *pupil.probe.parameters()]}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    started, shown = time.monotonic(), 0
    sums = torch.zeros(2)
    for step, batch in enumerate(islice(batches(seed, size, tokens), steps), 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / _WARM_UP) * _rate(step / steps)
        with torch.autocast("cpu", torch.bfloat16):
            loss, probed = pupil(batch)
        (loss + 2.0 * probed).backward()
        nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        shown += batch.ids.numel()
        sums += torch.stack((loss.detach(), probed.detach()))
        if step % 100 == 0:
            answers, probe = (sums / 100).tolist()
            sums.zero_()
            seconds = time.monotonic() - started
            print(f"{step} steps, {shown:,} tokens, {seconds:.0f} s: {answers:.4f} {probe:.4f}", flush=True)
    return model, tokens


def main() -> None:
    """Trains a judge and writes it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--out", type=Path, default=MODEL)
    told = parser.parse_args()
    torch.set_num_threads(2)
    model, tokens = trained(told.steps, told.size, told.seed, told.rate)
    model.generation_config.eos_token_id = tokens.eos_token_id
    model.to(torch.float16).save_pretrained(told.out)
    tokens.save_pretrained(told.out)


if __name__ == "__main__":
    main()
