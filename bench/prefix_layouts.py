"""What `prefix.py` asks: cases of known lengths, prompts in another layout, and what a cache could save of ours."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from judge_service.backends.exact import ExactPrompts
from judge_service.domain.cases import Case
from judge_service.domain.options import Task
from judge_service.domain.parsing import case_from

WORDS: Final = (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8").split()
RUBRIC_TOKENS: Final = 600
PROMPT_TOKENS: Final = 300
RESPONSE_TOKENS: Final = 400
_HEADING_TOKENS: Final = 8
_SYSTEM: Final = "You judge the quality of texts by the criterion that is given, and rate each of them by itself."

Criterion = Mapping[str, str]
Turns = list[dict[str, str]]


class Texts:
    """Words of the licence, drawn at random, in texts of a given number of tokens."""

    def __init__(self, exact: ExactPrompts, seed: str) -> None:
        self._exact = exact
        self._drawn = random.Random(seed)

    def of(self, tokens: int) -> str:
        """A text of so many tokens, or a few more."""
        words: list[str] = []
        while (missing := tokens - len(self._exact.tokens_of(" ".join(words)))) > 0:
            words += self._drawn.choices(WORDS, k=max(1, missing // 2))
        return " ".join(words)

    def cases(self, count: int, responses: int, task: Task) -> list[Case]:
        """Cases of the usual lengths."""
        return [self._case(responses, task) for _ in range(count)]

    def _case(self, responses: int, task: Task) -> Case:
        candidates = [self.of(RESPONSE_TOKENS) for _ in range(responses)]
        return case_from({"prompt": self.of(PROMPT_TOKENS), "candidates": candidates}, task)

    def rubric(self, criteria: int) -> dict[str, Any]:
        """Criteria that together are as long as a rubric is; comparisons and rankings ask about each by itself."""
        tokens = RUBRIC_TOKENS // criteria - _HEADING_TOKENS
        rows = [
            {"name": f"criterion {i + 1}", "text": self.of(tokens), "question": "How good is the response in this?"}
            for i in range(criteria)
        ]
        return {"criteria": rows, "compare": "per-criterion"}


def all_at_once(case: Case, rubric: Mapping[str, Any]) -> list[Turns]:
    """A prompt to each criterion, which comes first, and then the task with all responses."""
    texts = "\n".join(f"<text {i}> {c.content}" for i, c in enumerate(case.candidates, 1))
    shown = f"{case.prompt}\n\nTexts:\n{texts}\n\n### Output\n"
    return [_turns(_opening(criterion, rubric) + shown) for criterion in rubric["criteria"]]


def one_by_one(case: Case, rubric: Mapping[str, Any]) -> list[Turns]:
    """A prompt to each criterion, which comes first, and each response."""
    return [
        _turns(f"{_opening(criterion, rubric)}{case.prompt}\n\nText:\n{candidate.content}\n\n### Output\n")
        for criterion in rubric["criteria"]
        for candidate in case.candidates
    ]


def _turns(user: str) -> Turns:
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": user}]


def _opening(criterion: Criterion, rubric: Mapping[str, Any]) -> str:
    """As long as the whole rubric is with us."""
    text = "\n".join(row["text"] for row in rubric["criteria"])
    return f"# {criterion['name']} Assessment\n\n{text}\n\nRate texts 1 to 5.\n\n### Input\nInstruction: "


def least_to_compute(cases: Sequence[Sequence[list[int]]], block: int) -> float:
    """Tokens a case that stand in no whole block computed before; the first case is computed, and not counted."""
    known: set[int] = set()
    computed = [sum(_new_tokens(ids, known, block) for ids in prompts) for prompts in cases]
    return sum(computed[1:]) / (len(cases) - 1)


def _new_tokens(ids: list[int], known: set[int], block: int) -> int:
    """How many of a prompt's tokens have to be computed; all its whole blocks are known from now on."""
    name = saved = 0
    is_unbroken = True
    for start in range(0, len(ids) - block + 1, block):
        name = hash((name, tuple(ids[start : start + block])))
        is_unbroken = is_unbroken and name in known
        saved += block * is_unbroken
        known.add(name)
    # The last token is computed in any case, since the answer comes out of it.
    return len(ids) - min(saved, (len(ids) - 1) // block * block)
