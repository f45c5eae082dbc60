"""Formats whose rows are pairs: a better answer and a worse one. One function to each format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, Literal

from judge_service.domain.cases import Conversation, Message
from judge_service.domain.frozen import frozen
from judge_service.exports.policy import Pair
from judge_service.exports.shapes import conversation, messages, text, told, whole_text
from judge_service.statistics.debias import sigmoid

Row = dict[str, Any]
Texts = Literal["auto", "text", "messages"]
TEXTS: Final[tuple[Texts, ...]] = ("auto", "text", "messages")
_SHAREGPT: Final[Mapping[str, str]] = {"user": "human", "assistant": "gpt", "tool": "observation"}
_SYSTEM: Final = ("system", "developer")


@frozen
class Writing:
    """How a file's rows are written, the same for all of them.

    Attributes:
        talk: whether prompts and answers are lists of messages, which one file cannot mix with texts.
        temperature: what margins are divided by before they become probabilities.
        texts: what was asked for; `auto` writes messages if there are any in the file.
        threshold: the share of the scale from which on a step is right.
    """

    talk: bool = False
    temperature: float = 1.0
    texts: Texts = "auto"
    threshold: float = 0.5

    def settled(self, any_talk: bool) -> Writing:
        """The same for a file of which it is known whether it holds messages."""
        return replace(self, talk=self.texts == "messages" or (self.texts == "auto" and any_talk))


def trl_preference(pair: Pair, writing: Writing) -> list[Row]:
    """TRL, explicit prompt: DPO, ORPO, CPO and their kin."""
    return [
        {
            "prompt": told(pair.group.case.prompt, "user", writing.talk),
            "chosen": told(pair.chosen.content, "assistant", writing.talk),
            "rejected": told(pair.rejected.content, "assistant", writing.talk),
        }
    ]


def trl_preference_implicit(pair: Pair, writing: Writing) -> list[Row]:
    """TRL, the prompt within chosen and rejected: conversations, or, if texts are asked for, as Anthropic's hh-rlhf."""
    prompt = pair.group.case.prompt
    if writing.texts == "text":
        chosen, rejected = (whole_text(prompt, answer.content) for answer in (pair.chosen, pair.rejected))
        return [{"chosen": chosen, "rejected": rejected}]
    return [
        {"chosen": conversation(prompt, pair.chosen.content), "rejected": conversation(prompt, pair.rejected.content)}
    ]


def trl_reward(pair: Pair, writing: Writing) -> list[Row]:
    """TRL's RewardTrainer, whose loss takes the margin off. Texts keep their prompt in a column of its own."""
    (row,) = (trl_preference_implicit if writing.talk else trl_preference)(pair, writing)
    return [{**row, "margin": pair.margin}]


def openrlhf(pair: Pair, writing: Writing) -> list[Row]:
    """OpenRLHF, by `--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected`."""
    (row,) = trl_preference(pair, writing)
    return [{**row, "margin": pair.margin}]


def kto(pair: Pair, writing: Writing) -> list[Row]:
    """TRL, unpaired: the better answer is desirable, the worse is not."""
    prompt = told(pair.group.case.prompt, "user", writing.talk)
    return [
        {"prompt": prompt, "completion": told(answer.content, "assistant", writing.talk), "label": label}
        for answer, label in ((pair.chosen, True), (pair.rejected, False))
    ]


def soft(pair: Pair, writing: Writing) -> list[Row]:
    """Soft labels: the probability that chosen is better, by Bradley and Terry; a tie has 0.5."""
    (row,) = trl_preference(pair, writing)
    return [{**row, "probability": sigmoid(pair.margin / writing.temperature), "margin": pair.margin}]


def mmpo(pair: Pair, writing: Writing) -> list[Row]:
    """Margin matching: UltraFeedback's columns and `p_chosen`, Bradley and Terry's of the two scores' difference.

    Scores are as the judge gave them, and their difference is divided by the temperature (1 / `bt_beta` in
    kykim0/margin-matching-pref-opt); verdicts and strengths are logits already.
    """
    (row,) = ultrafeedback_binarized(pair, writing)
    margin = pair.margin if pair.group.logits or pair.tied else pair.chosen.score - pair.rejected.score
    return [{**row, "p_chosen": sigmoid(margin / writing.temperature)}]


def openai_preference(pair: Pair, writing: Writing) -> list[Row]:
    """OpenAI's files for preference fine-tuning."""
    return [
        {
            "input": {"messages": messages(pair.group.case.prompt, "user"), "tools": [], "parallel_tool_calls": True},
            "preferred_output": messages(pair.chosen.content, "assistant"),
            "non_preferred_output": messages(pair.rejected.content, "assistant"),
        }
    ]


def ultrafeedback_binarized(pair: Pair, writing: Writing) -> list[Row]:
    """HuggingFaceH4/ultrafeedback_binarized: the prompt as text, and whole conversations."""
    prompt = text(pair.group.case.prompt)
    chosen = conversation(pair.group.case.prompt, pair.chosen.content)
    return [
        {
            "prompt": prompt,
            "prompt_id": prompt_id(prompt),
            "chosen": chosen,
            "rejected": conversation(pair.group.case.prompt, pair.rejected.content),
            "messages": chosen,
            "score_chosen": pair.chosen.score,
            "score_rejected": pair.rejected.score,
        }
    ]


def simpo(pair: Pair, writing: Writing) -> list[Row]:
    """The layout of SimPO's files: all answers with their scores, and the best beside the worst."""
    (row,) = ultrafeedback_binarized(pair, writing)
    answers = pair.group.answers
    return [
        {
            "prompt_id": row["prompt_id"],
            "prompt": row["prompt"],
            "all_generated_responses": [text(answer.content) for answer in answers],
            "all_rm_scores": [answer.score for answer in answers],
            "chosen": row["chosen"],
            "rejected": row["rejected"],
        }
    ]


def distilabel(pair: Pair, writing: Writing) -> list[Row]:
    """The columns of distilabel's FormatTextGenerationDPO."""
    (row,) = ultrafeedback_binarized(pair, writing)
    return [
        {
            "prompt": row["prompt"],
            "prompt_id": row["prompt_id"],
            "chosen": row["chosen"],
            "chosen_model": pair.chosen.model,
            "chosen_rating": pair.chosen.score,
            "rejected": row["rejected"],
            "rejected_model": pair.rejected.model,
            "rejected_rating": pair.rejected.score,
        }
    ]


def rewardbench(pair: Pair, writing: Writing) -> list[Row]:
    """RewardBench: texts, with the case's domain as the subset."""
    return [
        {
            "prompt": text(pair.group.case.prompt),
            "chosen": text(pair.chosen.content),
            "chosen_model": pair.chosen.model,
            "rejected": text(pair.rejected.content),
            "rejected_model": pair.rejected.model,
            "subset": pair.group.case.domain or "",
            "id": pair.group.case.id,
        }
    ]


def axolotl(pair: Pair, writing: Writing) -> list[Row]:
    """Axolotl, `rl: dpo` with `type: chat_template.default`, which takes the last message of each answer."""
    return [
        {
            "messages": messages(pair.group.case.prompt, "user"),
            "chosen": messages(pair.chosen.content, "assistant")[-1],
            "rejected": messages(pair.rejected.content, "assistant")[-1],
        }
    ]


def llama_factory(pair: Pair, writing: Writing) -> list[Row]:
    """LLaMA-Factory with `"ranking": true`: alpaca's columns for texts, sharegpt's for messages."""
    prompt = pair.group.case.prompt
    if not writing.talk:
        (row,) = trl_preference(pair, writing)
        return [{"instruction": row["prompt"], "input": "", "chosen": row["chosen"], "rejected": row["rejected"]}]
    talk: Conversation = (Message("user", prompt),) if isinstance(prompt, str) else prompt
    return [
        {
            "conversations": [_turn(message) for message in talk if message.role not in _SYSTEM],
            "system": "\n\n".join(message.content for message in talk if message.role in _SYSTEM),
            "chosen": {"from": "gpt", "value": text(pair.chosen.content)},
            "rejected": {"from": "gpt", "value": text(pair.rejected.content)},
        }
    ]


def prompt_id(prompt: str) -> str:
    """SHA-256 of the prompt, as UltraFeedback's files name theirs."""
    return sha256(prompt.encode()).hexdigest()


def _turn(message: Message) -> dict[str, str]:
    return {"from": _SHAREGPT.get(message.role, message.role), "value": message.content}
