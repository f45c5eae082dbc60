"""The tiny judge read with transformers: no server and no wire between the question and the weights.

For tests that run in another interpreter: `python tests/engine/tiny_judge/reference.py [FOLDER]` reads lines of
`{"chat": [messages], "labels": [labels]}` and answers each with `{"probabilities": {label: p}, "label_mass": m}`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from asking import MODEL, labels_of
from transformers import AutoModelForCausalLM, AutoTokenizer

from judge_service.backends.rendering import messages
from judge_service.domain.prompting import Completion, JudgePrompt

_AT_ONCE = 64


class Reference:
    """A judge in this process.

    Attributes:
        tokenizer: with the model's chat template.
        model: in float32, whatever the weights are stored in.
    """

    def __init__(self, folder: Path = MODEL) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()

    def tokens(self, chat: list[dict[str, str]]) -> list[int]:
        """A chat as the model sees it, up to where its answer begins."""
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def answer(self, prompts: Sequence[JudgePrompt]) -> list[Completion]:
        """What the judge answers to each prompt: exact probabilities of its labels."""
        rows = self.next_tokens([messages(prompt) for prompt in prompts])
        return [self._completion(prompt, row) for prompt, row in zip(prompts, rows, strict=True)]

    @torch.inference_mode()
    def next_tokens(self, chats: Sequence[list[dict[str, str]]]) -> torch.Tensor:
        """The probability of every token as the first of the answer, a row to each chat."""
        rows = [self.tokens(chat) for chat in chats]
        by_length = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        out = torch.empty(len(rows), self.model.config.vocab_size)
        for start in range(0, len(rows), _AT_ONCE):
            batch = by_length[start : start + _AT_ONCE]
            ids, last = padded([rows[i] for i in batch], self.tokenizer.pad_token_id)
            hidden = self.model.model(ids).last_hidden_state[torch.arange(len(batch)), last]
            out[batch] = self.model.lm_head(hidden).softmax(-1)
        return out

    def _completion(self, prompt: JudgePrompt, row: torch.Tensor) -> Completion:
        shares, mass = self.shares(labels_of(prompt.space), row)
        return Completion(max(shares, key=shares.__getitem__), shares, mass)

    def shares(self, labels: Sequence[str], row: torch.Tensor) -> tuple[dict[str, float], float]:
        """The labels' probabilities, normalised to 1, and what they had together before."""
        weights = {label: self._weight(label, row) for label in labels}
        mass = sum(weights.values())
        return {label: weight / mass for label, weight in weights.items()}, min(1.0, mass)

    def _weight(self, label: str, row: torch.Tensor) -> float:
        """The probability of a label, with a space before it or without one."""
        forms = (self.tokenizer(form, add_special_tokens=False).input_ids for form in (label, f" {label}"))
        return sum(float(row[ids[0]]) for ids in forms if len(ids) == 1)


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of tokens as one block, padded on the right, and the place of each row's last token.

    A causal model needs no mask for what stands behind the last token that is read. Few different lengths are faster.
    """
    last = torch.tensor([len(row) - 1 for row in rows])
    ids = torch.full((len(rows), math.ceil((int(last.max()) + 1) / 16) * 16), pad)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, last


def main() -> None:
    """Answers the questions on standard input."""
    judge = Reference(Path(sys.argv[1]) if len(sys.argv) > 1 else MODEL)
    asked = [json.loads(line) for line in sys.stdin]
    for question, row in zip(asked, judge.next_tokens([question["chat"] for question in asked]), strict=True):
        shares, mass = judge.shares(question["labels"], row)
        print(json.dumps({"probabilities": shares, "label_mass": mass}))


if __name__ == "__main__":
    main()
