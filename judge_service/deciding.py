"""Holds deliberations on decisions: what a sitting is for cases, for questions about one state of things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from judge_service.briefing import method_for, tokens_for
from judge_service.domain.decisions import DecisionAnswer, Inquiry
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import JudgeIdentity
from judge_service.domain.options import Options
from judge_service.domain.verdicts import Usage
from judge_service.errors import InvalidCase, InvalidOption
from judge_service.holding import check_pinned, hold, terms_of
from judge_service.judge import Judge, judge_among
from judge_service.library import Library
from judge_service.protocols.deciding import COMBINES, READING, deciding
from judge_service.protocols.inquiring import DecidingBrief

PROMPT: Final = "decide"
_NOT_HERE: Final = ("principle", "ties", "panel", "escalate", "truncate", "reask", "card")
"""Options that decisions have no use for: told, they would be passed over without a word."""


@frozen
class Decided:
    """An inquiry's answers and what they cost.

    Attributes:
        judge: who decided.
        method: how it was asked.
    """

    answers: tuple[DecisionAnswer, ...]
    usage: Usage
    judge: JudgeIdentity
    method: str


class Decider:
    """One judge under one set of options, prepared once and used for every inquiry.

    A rubric is shown as the standard to go by where the options name one; else the questions alone say what counts.

    Raises:
        UnknownName: the rubric or judge does not exist.
        InvalidOption: the options do not go with decisions or with the judge.
    """

    def __init__(self, options: Options, judges: Mapping[str, Judge], library: Library) -> None:
        _check(options)
        self.options = options
        self._judge = judge_among(judges, options.judge[0] if options.judge else next(iter(judges)))
        self._standard = library.standard(options.rubric) if "rubric" in options.told else None
        self._template = library.templates[PROMPT]
        self._identity = self._judge.identity
        self._brief = self._brief_now()

    def _brief_now(self) -> DecidingBrief:
        judge, options = self._judge, self.options
        if judge.identity.kind == "reward":
            raise InvalidOption(f"judge '{judge.name}' is a reward model, and answers no questions", "judge")
        method = method_for(options, judge, options.repeats.max > 1)
        mass, tokens = judge.min_label_mass, tokens_for(judge)
        return DecidingBrief(self._template, options, judge.name, method, mass, tokens, self._standard)

    def _check_judge(self) -> None:
        """Notices a new epoch.

        Raises:
            JudgeChanged: the caller pinned a judge, and it is no longer that one.
        """
        if self._judge.identity is not self._identity:
            self._identity = self._judge.identity
            self._brief = self._brief_now()
        check_pinned(self.options, (self._identity,))

    async def decide(self, inquiry: Inquiry, deadline: float | None = None, tenant: str = "") -> Decided:
        """Decides all questions of an inquiry. Whatever fails on the way is told in their answers.

        Args:
            deadline: the event loop's time by which to answer; None: `options.timeout` from the judge's turn on.
            tenant: whose cache entries are seen and made; empty for those that all share.

        Raises:
            InvalidCase: it has images for a judge that takes none.
            InvalidOption: what the options say of combining does not go with so many options.
            JudgeChanged: the judge is no longer the one the options pin.
        """
        self._check_judge()
        if inquiry.images and not self._judge.images:
            name = self._judge.name
            message = f"there is an image, and judge '{name}' takes text only"
            raise InvalidCase(f"{message} (`images = true` in [judges.{name}] says that its model sees)", "input")
        terms = terms_of(self.options, inquiry.lot, deadline, tenant)
        brief = self._brief
        answers, usage = await hold(deciding(inquiry, brief), {self._judge.name: self._judge}, terms)
        return Decided(answers, usage, self._identity, brief.method)


def _check(options: Options) -> None:
    """Refuses what decisions do not know.

    Raises:
        InvalidOption: naming the option.
    """
    told = next((name for name in _NOT_HERE if name in options.told), None)
    if told is not None:
        raise InvalidOption(f"decisions take no option '{told}'", told)
    if len(options.judge) > 1:
        raise InvalidOption("decisions are asked of one judge", "judge")
    if options.orders not in (None, "both", "one"):
        raise InvalidOption(f"decisions are asked in orders both or one; got {options.orders!r}", "orders")
    if options.combine not in COMBINES:
        raise InvalidOption(f"decisions are combined by {', '.join(COMBINES)}; got {options.combine!r}", "combine")
    if options.reading not in (None, READING):
        raise InvalidOption(f"decisions in words are read by '{READING}'; got {options.reading!r}", "reading")
    if options.repeats.stop is not None or options.repeats.keep is not None:
        raise InvalidOption("decisions take repeats as a number, and no rule to stop by", "repeats")
