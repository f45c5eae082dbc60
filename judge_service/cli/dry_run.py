"""--dry-run: what a run would ask, and nothing is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judge_service.batch.rows import case_of_row
from judge_service.domain.cases import Case
from judge_service.domain.options import Task
from judge_service.domain.prompting import JudgePrompt, joined
from judge_service.errors import InvalidCase
from judge_service.files.reading import Row
from judge_service.judge import Length
from judge_service.sitting import Sitting


@dataclass(slots=True)
class _Asked:
    """What the first round of all cases comes to.

    Attributes:
        is_exact: whether tokens were counted by the judge's own tokenizer.
        over_long: how many cases have a prompt that its judge cannot take.
        longest: the longest of those prompts, and its case.
    """

    cases: int = 0
    calls: int = 0
    bad: int = 0
    tokens: int = 0
    is_exact: bool = True
    over_long: int = 0
    longest: tuple[str, Length] | None = None
    first: JudgePrompt | None = None

    def count(self, case: Case, prompts: Sequence[JudgePrompt], sitting: Sitting) -> None:
        self.cases += 1
        self.calls += len(prompts)
        if not prompts:
            return
        self.first = self.first or prompts[0]
        lengths = [sitting.length(prompt) for prompt in prompts]
        self.tokens += sum(length.tokens for length in lengths)
        self.is_exact = self.is_exact and all(length.is_exact for length in lengths)
        longest = max(lengths, key=lambda length: length.tokens - length.most)
        if longest.is_over:
            self.over_long += 1
            if self.longest is None or longest.tokens > self.longest[1].tokens:
                self.longest = (case.id, longest)

    def page(self) -> str:
        about = "" if self.is_exact else "about "
        by = "by the judge's tokenizer" if self.is_exact else "at 4 bytes to the token"
        lines = [
            f"{self.cases:,} cases, {self.bad:,} rows that are no case, {self.calls:,} judge calls in the first round",
            f"{about}{self.tokens:,} prompt tokens, {by}",
        ]
        if self.longest is not None:
            name, length = self.longest
            lines.append(
                f"{self.over_long:,} cases are too long for the judge's {length.most:,} tokens, "
                f"the longest '{name}': {about}{length.tokens:,} (--truncate cuts candidates)"
            )
        if self.first is not None:
            lines.append(f"\nthe first prompt:\n\n{joined(self.first.system)}\n\n{joined(self.first.user)}")
        return "\n".join(lines)


def dry_run(rows: Iterable[Row], task: Task, fields: Mapping[str, str], sitting: Sitting) -> bool:
    """Prints what a run would ask in its first round; a row that is no case is named on standard error.

    Returns:
        Whether every row is a case that its judge can take.
    """
    asked = _Asked()
    for row in rows:
        try:
            case = case_of_row(row, task, fields)
            asked.count(case, sitting.first_round(case), sitting)
        except InvalidCase as e:
            asked.bad += 1
            print(f"{row.where}: {e.message}", file=sys.stderr)
    print(asked.page())
    return not asked.bad and not asked.over_long
