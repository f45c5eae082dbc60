"""Two outputs on the same cases, one of ratings and one of comparisons, case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from judge_service.batch.outputs import outputs_of
from judge_service.batch.stored import Stored
from judge_service.batch.texts import Texts, own_case, texts_from
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment, Provenance
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.two_protocols import Scores, Twice, scores_of, twice_of
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.evaluation.origins import Origin, origin_of
from judge_service.exports.shapes import text


class _Rated(NamedTuple):
    digest: str
    scores: Scores | None


@dataclass(slots=True)
class BothWays:
    """The pairs that were judged under both protocols, and what was left out.

    Attributes:
        left_out: how many cases, by why.
        rated_by, compared_by: the origins of the two.
        told: what to say of what was read.
    """

    pairs: list[Twice] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    rated_by: Origin | None = None
    compared_by: Origin | None = None
    told: tuple[str, ...] = ()


def both_ways(
    ratings: Sequence[str],
    rankings: Sequence[str],
    *,
    cases: str = "",
    fields: Mapping[str, str] | None = None,
    prompt_field: str = "",
) -> BothWays:
    """Joins ratings with comparisons or rankings by the cases' ids.

    Args:
        cases: the file that was judged, for texts that judgments do not carry; "" for none.
        prompt_field: of the judgments' metadata, that tells prompts apart; "" to go by the prompt's text.

    Raises:
        InvalidRequest: an output is of another kind, a case has other texts in one than in the other, or they have no
            case in common.
        RunRefused: one of them is of several judges, epochs, rubrics or methods.
    """
    found = BothWays()
    rated, rated_told = _ratings(ratings, found)
    stored = Stored(outputs_of(rankings))
    with texts_from(cases, fields or {}) as texts:
        for where, judgment in stored.judgments():
            _check_kind(where, judgment, ("preference", "ranking"), "compare or rank makes")
            found.compared_by = found.compared_by or _origin(judgment.provenance)
            _join(found, where, judgment, rated.pop(judgment.case_id, None), texts, prompt_field)
    found.left_out["only rated"] += len(rated)
    found.told = (*rated_told, *stored.told)
    if not found.pairs:
        why = ", ".join(f"{count} {name}" for name, count in found.left_out.items() if count)
        raise InvalidRequest(f"no case is judged both ways ({why})")
    return found


def _ratings(sources: Sequence[str], found: BothWays) -> tuple[dict[str, _Rated], tuple[str, ...]]:
    stored, rated = Stored(outputs_of(sources)), {}
    for where, judgment in stored.judgments():
        _check_kind(where, judgment, ("scorecard",), "score makes of several candidates")
        found.rated_by = found.rated_by or _origin(judgment.provenance)
        rated[judgment.case_id] = _Rated(judgment.case_digest, scores_of(judgment))
    return rated, tuple(stored.told)


def _check_kind(where: str, judgment: Judgment, kinds: Sequence[str], wanted: str) -> None:
    if judgment.kind not in kinds:
        raise InvalidRequest(f"{where} is a {judgment.kind}: give here what {wanted}")
    if "scorecard" in kinds and len(judgment.candidates) == 1:
        raise InvalidRequest(f"{where} scores one candidate: give here what {wanted}")


def _join(
    found: BothWays, where: str, judgment: Judgment, rated: _Rated | None, texts: Texts, prompt_field: str
) -> None:
    if rated is None:
        found.left_out["only compared"] += 1
        return
    if rated.digest != judgment.case_digest:
        raise InvalidRequest(f"{where}: case '{judgment.case_id}' was rated with another text")
    if rated.scores is None or judgment.status != "judged":
        found.left_out["without a verdict"] += 1
        return
    case = own_case(judgment) or (texts.case_of(judgment) if texts.path else None)
    prompt = prompt_of(judgment, case, prompt_field)
    found.pairs += twice_of(rated.scores, judgment, prompt, None if case is None else _texts(case))


def _texts(case: Case) -> dict[str, str]:
    return {candidate.id: text(candidate.content) for candidate in case.candidates}


def _origin(provenance: Provenance | None) -> Origin | None:
    return None if provenance is None else origin_of({"provenance": asdict(provenance)})
