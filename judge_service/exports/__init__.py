"""Judgments as the files that trainers and evaluations read. A format is one function and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from judge_service.exports import grouped, paired
from judge_service.exports.formats import Grouped, Paired

FORMATS: Final[Mapping[str, Paired | Grouped]] = {
    "trl-preference": Paired(paired.trl_preference),
    "trl-preference-implicit": Paired(paired.trl_preference_implicit),
    "trl-reward": Paired(paired.trl_reward),
    "kto": Paired(paired.kto, best_worst_only=True, ties=("drop",)),
    "soft": Paired(paired.soft, ties=("soft", "drop"), takes=("temperature",)),
    "mmpo": Paired(paired.mmpo, ties=("soft", "drop"), takes=("temperature",)),
    "openai-preference": Paired(paired.openai_preference),
    "openrlhf": Paired(paired.openrlhf),
    "axolotl": Paired(paired.axolotl),
    "llama-factory": Paired(paired.llama_factory),
    "ultrafeedback-binarized": Paired(paired.ultrafeedback_binarized),
    "simpo": Paired(paired.simpo, best_worst_only=True, ties=("drop",)),
    "distilabel": Paired(paired.distilabel),
    "rewardbench": Paired(paired.rewardbench, ties=("drop",)),
    "nectar": Grouped(grouped.nectar),
    "listwise": Grouped(grouped.listwise),
    "grpo": Grouped(grouped.grpo, least=1),
    "stepwise": Grouped(grouped.stepwise, least=1, kinds=("scorecard",), takes=("threshold",)),
    "argilla": Grouped(grouped.argilla),
    "alpaca-eval": Grouped(grouped.alpaca_eval, most=2),
}
"""By name. The first way of treating ties is the one that is meant if none is said."""
