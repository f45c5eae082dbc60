"""How often the offline judge agrees with recorded judges, and how often plain baselines do.

    python bench/offline_agreement.py [--data DIR]

Each pair is put to the offline judge in both orders, and the mean of the two logits names its winner. It is compared
with the human label, or with the recorded judge's own verdict where that is the same in both orders; ties and verdicts
that flip with the order are left out. AlpacaEval recorded one order only. The weights were chosen by hand while looking
at one half of the pairs (by a hash of their ids): the column `held out` is the other half, which is the fairer figure;
some prompts occur in both halves. In the MT-Bench and AlpacaEval pairs one side is often much the stronger model.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from judge_service.backends.offline import IDENTITY, answer
from judge_service.domain.answers import Choice
from judge_service.domain.prompting import JudgePrompt, Sampling, Source, Span

ROOT: Final = Path(__file__).resolve().parents[1]
VARIABLE: Final = "JUDGE_RECORDED_DATA"
HEADING: Final = (
    f"{'set':<22} {'compared with':<24} {'n':>4}  {'agrees':>6}  {'95 % interval':<13}  {'held out':>14}"
    f"  {'longer wins':>11}  {'chance':>6}"
)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """A recorded pair, and which of the two (0 or 1) the recorded judge or label prefers."""

    id: str
    prompt: Sequence[str]
    candidates: tuple[Sequence[str], Sequence[str]]
    reference: Sequence[str]
    winner: int

    @property
    def is_held_out(self) -> bool:
        """Whether the pair was not looked at when the weights were chosen."""
        return blake2b(self.id.encode()).digest()[0] & 1 == 1


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data" / "recorded-judges")
    parser.add_argument("--data", type=Path, default=default, help=f"default: ${VARIABLE}, else {default}")
    data = parser.parse_args().data
    if not (data / "llmbar" / "items.jsonl.gz").is_file():
        parser.exit(2, f"no recorded judges in {data}: give --data DIR or set {VARIABLE}\n")
    print(f"judge: {IDENTITY}; all figures in percent\n")
    print(HEADING)
    for name, whom, pairs in comparisons(data):
        print(line(name, whom, pairs))


def line(name: str, whom: str, pairs: Sequence[Pair]) -> str:
    """One row of the table."""
    agrees = [agreement(pair) for pair in pairs]
    held_out = [hit for pair, hit in zip(pairs, agrees, strict=True) if pair.is_held_out]
    low, high = wilson(mean(agrees), len(agrees))
    longer = mean([longer_wins(pair) for pair in pairs])
    return (
        f"{name:<22} {whom:<24} {len(pairs):>4}  {100 * mean(agrees):>6.1f}  {100 * low:>5.1f} to {100 * high:<4.1f}"
        f"  {100 * mean(held_out):>5.1f} (n={len(held_out):>4})  {100 * longer:>11.1f}  {50:>6.1f}"
    )


def agreement(pair: Pair) -> float:
    """1 if both orders together name the recorded winner, 0 if not, and one half for an exact draw."""
    logit = (first_shown_logit(pair, (0, 1)) - first_shown_logit(pair, (1, 0))) / 2.0
    return _hit(logit if abs(logit) > 1e-9 else 0.0, pair.winner)


def longer_wins(pair: Pair) -> float:
    """The same for the rule that the text with more characters is better."""
    one, other = (sum(map(len, turns)) for turns in pair.candidates)
    return _hit(one - other, pair.winner)


def _hit(lead: float, winner: int) -> float:
    return 0.5 if lead == 0 else float((lead < 0) == (winner == 1))


def first_shown_logit(pair: Pair, order: tuple[int, int]) -> float:
    """What the judge answers when the pair is shown in this order."""
    probabilities = answer(question(pair, order)).probabilities or {}
    return math.log(probabilities["A"] / probabilities["B"])


def question(pair: Pair, order: tuple[int, int]) -> JudgePrompt:
    """The pair as a prompt, with every text between lines of ours."""
    user = list(_fenced("Prompt", pair.prompt, "prompt"))
    if pair.reference:
        user += _fenced("Reference", pair.reference, "reference")
    for label, place in zip("AB", order, strict=True):
        user += _fenced(f"Response {label}", pair.candidates[place], "candidate")
    user.append(Span("Which response to the prompt is better? Your answer, A or B:"))
    return JudgePrompt("offline", (), tuple(user), Choice(("A", "B")), Sampling())


def _fenced(name: str, turns: Sequence[str], source: Source) -> Iterator[Span]:
    yield Span(f"[{name} 00000000]\n")
    for turn in turns:
        yield Span(turn, source)
        yield Span("\n")
    yield Span(f"[/{name} 00000000]\n\n")


def comparisons(data: Path) -> Iterator[tuple[str, str, list[Pair]]]:
    """The rows: set, whom it is compared with, and the pairs."""
    items, calls = rows(data, "llmbar", "items"), rows(data, "llmbar", "judgments")
    gpt4 = consistent(c for c in calls if c["judge"] == "GPT-4" and c["prompting"] == "Vanilla_NoRules")
    for name, wanted in (("LLMBar natural", "/Natural"), ("LLMBar adversarial", "/Adversarial")):
        part = [item for item in items if wanted in item["source"]]
        yield name, "human label", pairs_of(part, {item["item_id"]: item["gold"] for item in part})
        yield name, "GPT-4, consistent", pairs_of(part, gpt4)
    items, calls = rows(data, "pba_mtbench_repeat", "items"), rows(data, "pba_mtbench_repeat", "judgments")
    for judge, called in (("gpt-4-0613", "GPT-4"), ("claude-3-opus-20240229", "Claude 3 Opus")):
        verdicts = consistent(c for c in calls if c["judge"] == judge)
        yield "MT-Bench, two turns", f"{called}, consistent", pairs_of(items, verdicts)
    items, calls = rows(data, "alpaca_eval", "items"), rows(data, "alpaca_eval", "judgments")
    verdicts = {c["item_id"]: c["parsed_verdict"] for c in calls}
    for model in ("claude-2", "vicuna-13b", "alpaca-7b"):
        part = [item for item in items if item["candidate_names"][1] == model]
        yield f"AlpacaEval, {model}", "GPT-4-turbo, one order", pairs_of(part, verdicts)


def rows(data: Path, name: str, what: str) -> list[Row]:
    """The lines of one recorded file."""
    with gzip.open(data / name / f"{what}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(text) for text in lines]


def consistent(calls: Iterable[Row]) -> dict[str, str]:
    """The verdict that most repeats have, by item, where both orders have the same."""
    votes: defaultdict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)
    for call in calls:
        votes[call["item_id"], call["order"]][call["parsed_verdict"]] += 1
    found = {key: _majority(counts) for key, counts in votes.items()}
    return {item: one for (item, order), one in found.items() if order == "AB" and one and one == found[item, "BA"]}


def _majority(counts: Counter[str | None]) -> str | None:
    verdict, count = counts.most_common(1)[0]
    return verdict if 2 * count > counts.total() else None


def pairs_of(items: Iterable[Row], verdicts: Mapping[str, str | None]) -> list[Pair]:
    """The items that have a winner."""
    return [
        Pair(
            id=item["item_id"],
            prompt=_turns(item["prompt"]),
            candidates=(_turns(item["candidates"][0]), _turns(item["candidates"][1])),
            reference=_turns(item["meta"].get("reference") or []),
            winner="AB".index(winner),
        )
        for item in items
        if (winner := verdicts.get(item["item_id"])) in ("A", "B")
    ]


def _turns(text: str | Sequence[str | None]) -> list[str]:
    return [text] if isinstance(text, str) else [turn for turn in text if turn]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of n."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


if __name__ == "__main__":
    main()
