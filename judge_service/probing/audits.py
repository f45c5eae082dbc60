"""What an audit of one judge under one rubric rests on, out of stored judgments or of cases judged for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from judge_service.clock import now
from judge_service.domain.judgments import JudgeIdentity, Judgment, Named, Provenance
from judge_service.domain.options import Options
from judge_service.domain.standards import Rubric, Standard
from judge_service.domain.verdicts import Ranking
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.audits.arms import Arm, Cells, cells_by_case, label_families, won_by
from judge_service.evaluation.audits.audit_card import AuditCard, versioned
from judge_service.evaluation.audits.card_measures import label_measures, position_measures, verdict_measures
from judge_service.evaluation.audits.label_measures import labelled_measures, verbosity_measures
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import by_suite, mean_of, measured
from judge_service.evaluation.audits.repeats import consistency_measures, tellings_in
from judge_service.evaluation.audits.sights import Sight, sights_of, text_of
from judge_service.evaluation.audits.two_protocols import protocol_measures, scores_of, twice_of, two_protocols
from judge_service.evaluation.people.labels import LabelOf, side_named
from judge_service.files.reading import Row
from judge_service.library.perturbations import Variant
from judge_service.probing.asked import Shown, judgments_on, unseen
from judge_service.probing.perturbing import USUAL, again, answers_in, asked_in
from judge_service.protocols.audited import both_leans
from judge_service.service import JudgingService
from judge_service.sitting import Sitting

STORED = "stored judgments"
NOT_RATED = "the same answers were not rated too (audit protocol sets ratings beside comparisons)"
JUDGED = "cases judged for the audit"


class Whose(NamedTuple):
    """Whom judgments are of: digests of judge, rubric and prompt, and the method."""

    judge: str
    rubric: str
    prompt: str
    method: str


@dataclass(slots=True)
class Audited:
    """What an audit of one judge rests on.

    Attributes:
        leans: by case id, to the first-shown in both orders, where the votes are exact.
        families: by two labels, what turning them round told apart; empty where they were not turned.
        again: judgments on the same cases, past the cache.
        labels: P(the first is better) by people, by case id.
        rated: scorecards of the same cases, or why there are none.
        concordances: Kendall's W of each case whose rankings were repeated.
        why_no_labels: why labels were not turned round; "" where they were.
    """

    judge: JudgeIdentity
    rubric: Named
    prompt: Named
    method: str
    sources: str
    judgments: list[Judgment] = field(default_factory=list)
    leans: dict[str, tuple[float, float]] = field(default_factory=dict)
    families: Mapping[str, Mapping[str, Cells]] = field(default_factory=dict)
    again: Sequence[Sequence[Judgment]] = ()
    labels: dict[str, float] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    why_no_labels: str = ""
    rated: Sequence[Judgment] | str = ""
    concordances: list[float] = field(default_factory=list)
    rankings: int = 0

    @property
    def sights(self) -> list[Sight]:
        """The judgments as sights."""
        return sights_of(self.judgments, self.leans, self.labels)

    def take(self, where: str, judgment: Judgment, standard: Standard, label_of: LabelOf | None) -> None:
        """Takes in a judgment of this judge.

        Raises:
            InvalidRequest: its label names no side.
        """
        self.judgments.append(judgment)
        own = [vote for vote in judgment.votes if vote.method == "direct"]
        leans = both_leans(own, (judgment.candidates[0], judgment.candidates[1]), standard) if own else None
        if leans is not None:
            self.leans[judgment.case_id] = leans
        told = None if label_of is None else label_of(where, judgment)
        if told is not None:
            try:
                self.labels[judgment.case_id] = side_named(told.value, judgment.candidates)
            except ValueError as e:
                raise InvalidRequest(f"{told.where}: {e}") from None

    def card(self, more: Sequence[Measure] = ()) -> AuditCard:
        """The card, made now.

        Args:
            more: what was measured besides, such as by probes.
        """
        measures = tuple(by_suite([*measures_of(self), *more]))
        cases = len(self.judgments) + self.rankings
        told = (self.judge, self.rubric, self.prompt, self.method, cases, self.sources)
        return versioned(AuditCard("", now(), *told, measures, dict(self.left_out)))


def measures_of(audited: Audited) -> list[Measure]:
    """All that an audit's judgments tell."""
    if audited.rankings:
        return [_agreement(audited)]
    sights = audited.sights
    clusters = {sight.case_id: sight.cluster for sight in sights}
    usual = audited.families.get(" and ".join(USUAL[:2]), {})
    tellings = tellings_in([*_told_with(audited), *audited.again])
    return [
        *position_measures(sights, usual),
        *label_measures(audited.families, clusters, audited.why_no_labels),
        *consistency_measures(tellings, clusters, audited.method == "direct"),
        *verdict_measures(sights),
        *labelled_measures(sights),
        *verbosity_measures(sights),
        *_protocols(audited, clusters),
    ]


def _protocols(audited: Audited, clusters: Mapping[str, str]) -> Sequence[Measure]:
    """How often ratings of the same answers contradict the comparisons."""
    if isinstance(audited.rated, str):
        return [measured("protocol.disagreement", None, "share", audited.rated or NOT_RATED)]
    scores = {judgment.case_id: scores_of(judgment) for judgment in audited.rated}
    pairs = [
        pair
        for judgment in audited.judgments
        if won_by(judgment) is not None
        for pair in twice_of(scores.get(judgment.case_id) or {}, judgment, clusters[judgment.case_id], _texts(judgment))
    ]
    if not pairs:
        why = "no case has both a rating of each answer and a verdict"
        return [measured("protocol.disagreement", None, "share", why)]
    return protocol_measures(two_protocols(pairs))


def _texts(judgment: Judgment) -> dict[str, str] | None:
    return None if judgment.case is None else {c["id"]: text_of(c["content"]) for c in judgment.case["candidates"]}


async def _rated(
    service: JudgingService, options: Options, rows: Sequence[Row], fields: Mapping[str, str], shown: Shown
) -> Sequence[Judgment] | str:
    """Each answer rated alone, or why it cannot be."""
    try:
        sitting = Sitting("score", replace(options, orders=None, card=None), service.judges, service.library)
    except InvalidOption as e:
        return f"the answers cannot be rated too: {e.message}"
    return await judgments_on(sitting, rows, fields, shown)


def _agreement(audited: Audited) -> Measure:
    note = "Kendall's W over repeated rankings of a case" if audited.concordances else "no ranking was repeated"
    seen = [(str(number), w) for number, w in enumerate(audited.concordances)]
    return mean_of("rankings.kendall_w", seen, "coefficient", note, most=1.0)


def _told_with(audited: Audited) -> list[list[Judgment]]:
    """The first answers stand beside those of repeats where both were asked alike.

    A judge that writes is drawn in repeats, and may not have been the first time.
    """
    return [audited.judgments] if audited.method == "direct" or not audited.again else []


def audited_in(
    judgments: Iterable[tuple[str, Judgment]], standards: Mapping[str, Standard], label_of: LabelOf | None
) -> list[Audited]:
    """Stored judgments, sorted by whose they are.

    Raises:
        InvalidRequest: a label names no side, or there is no preference of a single judge.
    """
    found: dict[Whose, Audited] = {}
    left_out: Counter[str] = Counter()
    for where, judgment in judgments:
        made = judgment.provenance
        why = _unfit(judgment, made)
        if why or made is None:
            left_out[why] += 1
            continue
        judge, rubric = made.judges[0], made.rubric
        whose = Whose(judge.digest, rubric.digest, made.prompt.digest, made.method)
        audited = found.setdefault(whose, Audited(judge, rubric, made.prompt, made.method, STORED))
        if isinstance(judgment.verdict, Ranking):
            audited.rankings += 1
            audited.concordances += [] if judgment.verdict.kendall_w is None else [judgment.verdict.kendall_w]
            continue
        standard = standards.get(rubric.digest) or Rubric(rubric.id, rubric.version or "", rubric.id)
        audited.take(where, judgment, standard, label_of)
    if not found:
        told = "".join(f"; {count} are {why}" for why, count in left_out.most_common())
        raise InvalidRequest(f"there is no comparison and no ranking by one judge here that says who judged{told}")
    for audited in found.values():
        audited.left_out.update(left_out)
    return list(found.values())


def _unfit(judgment: Judgment, made: Provenance | None) -> str:
    if judgment.kind == "scorecard":
        return "scorecards"
    if made is None or (judgment.kind == "preference" and len(judgment.candidates) != 2):
        return "no cases that could be judged"
    if len(made.judges) != 1 or made.decided_by != made.method:
        return "a panel's, or escalated"
    return ""


async def audited_from(
    service: JudgingService,
    options: Options,
    rows: Sequence[Row],
    fields: Mapping[str, str],
    label_of: LabelOf | None,
    variants: Sequence[Variant],
    repeats: int,
    shown: Shown = unseen,
) -> Audited:
    """Judges the cases in both orders, with the letters the other way round, and again past the cache; and rates them.

    Raises:
        InvalidOption, UnknownName, InvalidRequest: the options are wrong, a label names no side, or no row is a case.
    """
    options = replace(options, include=("votes", "case"))
    sitting = service.sitting("compare", options)
    made = sitting.provenance
    audited = Audited(made.judges[0], made.rubric, made.prompt, made.method, JUDGED)
    judgments = await judgments_on(sitting, rows, fields, shown)
    for judgment in sorted(judgments, key=lambda each: each.case_id):
        if len(judgment.candidates) != 2:
            audited.left_out["no cases that could be judged"] += 1
        else:
            audited.take(f"case '{judgment.case_id}'", judgment, sitting.standard, label_of)
    if not audited.judgments:
        raise InvalidRequest("no row is a comparison of two answers that could be judged")
    base = Arm("usual", "", answers_in(audited.judgments, sitting.standard), USUAL)
    turned = [arm async for arm in asked_in(service, options, rows, fields, variants, shown) if isinstance(arm, Arm)]
    families = label_families([base, *turned])
    audited.families = {name: cells_by_case(family, list(audited.leans)) for name, family in families.items()}
    audited.why_no_labels = "" if families else "not identified: this judge's labels cannot be turned round"
    audited.rated = await _rated(service, options, rows, fields, shown)
    audited.again = [told async for told in again(service, options, rows, fields, repeats, shown)]
    return audited
