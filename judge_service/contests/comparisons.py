"""Comparisons of named models' answers, out of stored judgments or AlpacaEval's annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from judge_service.batch.imported import Importing
from judge_service.batch.outputs import outputs_of
from judge_service.batch.stored import Stored
from judge_service.batch.texts import Texts, own_case, texts_from
from judge_service.contests.sources import OUTPUTS, one_kind
from judge_service.domain.cases import Case
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment, Provenance
from judge_service.domain.verdicts import Preference
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.evaluation.contests.comparisons import Comparison, comparison_of, prompt_of
from judge_service.evaluation.origins import Origin, differing, origin_of
from judge_service.exports.shapes import text
from judge_service.files.reading import rows_of
from judge_service.imports import SOURCES
from judge_service.imports.joined import Texts as ImportedTexts
from judge_service.library import open_library

ALPACA_EVAL: Final = "alpaca-eval"
IDENTICAL: Final = "identical"
"""What a verdict without evidence rests on: both answers are the same, and no judge was asked."""


@frozen
class Compared:
    """Comparisons in the order in which they were judged, and where they come from.

    Attributes:
        comparisons: judged or not; the second model of an imported annotation is the one that was evaluated.
        unplaced: judgments at the place of a row that was no case: nobody knows whose answers it held.
        statuses: how many judgments have each status, `unplaced` among them.
        origins: how many come from which judge, rubric and method.
        combines: how votes on a pair were combined, as far as verdicts say, and how often each.
        measures: what verdicts rest on: "probability", "vote share", "reward", or "identical".
        orders: in which orders pairs were shown: "both", "one", "audited", and how often each.
        judges: names of all that judged.
        told: what to say besides: rows left out, and what was mixed.
        note: what their source says of itself, such as that they were imported.
    """

    comparisons: tuple[Comparison, ...]
    unplaced: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    origins: Mapping[Origin, int] = field(default_factory=dict)
    combines: Mapping[str, int] = field(default_factory=dict)
    measures: Mapping[str, int] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    judges: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    note: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """Who judged, by what and how, in words by name."""
        named = {name: _several(getattr(origin, name) for origin in self.origins) for name in Origin._fields}
        ways = {"combined by": self.combines, "orders": self.orders, "soft verdicts are": self.measures}
        told = {**named, **{name: _several(counted) for name, counted in ways.items()}, "note": self.note}
        return {name: value for name, value in told.items() if value}


def comparisons_in(
    sources: Sequence[str],
    *,
    cases: str = "",
    fields: Mapping[str, str] | None = None,
    field: str = "",
    allow_mixed: bool = False,
) -> Compared:
    """The comparisons that files, patterns or folders hold.

    Args:
        sources: stored judgments of pairs, or AlpacaEval's annotations; not both.
        cases: the file that was judged, for texts that judgments do not carry; "" for none.
        fields: columns of that file, as when it was judged.
        field: of the judgments' metadata, that tells prompts apart; "" to go by the prompt's text.
        allow_mixed: whether several judges, epochs, rubrics or methods may stand together.

    Raises:
        InvalidRequest: a file holds neither, or a row is damaged; the message says where.
        RunRefused: the judgments are mixed, or two of them judge one case differently.
    """
    files = outputs_of(sources)
    kind = one_kind(sources)
    if kind == OUTPUTS:
        raise InvalidRequest(f"{sources[0]} holds a model's outputs, and no judgments of them")
    gathering = Gathering(field)
    if kind == "annotations":
        gathering.take_all(_annotated(files, allow_mixed))
        return gathering.compared()
    stored = Stored(files, allow_mixed)
    with texts_from(cases, fields or {}) as texts:
        for where, judgment in stored.judgments():
            gathering.take(where, judgment, _case_of(judgment, texts))
    return gathering.compared(tuple(stored.told))


@dataclass(slots=True)
class Gathering:
    """Comparisons as they come, and a count of where they come from.

    Attributes:
        cluster: the field of the metadata that tells prompts apart; "" to go by the prompt's text.
    """

    cluster: str = ""
    comparisons: list[Comparison] = field(default_factory=list)
    unplaced: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    combines: Counter[str] = field(default_factory=Counter)
    measures: Counter[str] = field(default_factory=Counter)
    origins: Counter[Origin] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    judges: dict[str, None] = field(default_factory=dict)
    note: str = ""
    _latest: tuple[Provenance | None, Origin | None] = (None, None)

    def take(self, where: str, judgment: Judgment, case: Case | None) -> Comparison | None:
        """Takes a judgment in.

        Args:
            where: it stands, for messages.
            case: its texts, where they are known.

        Returns:
            The comparison; None at the place of a row that was no case.

        Raises:
            InvalidRequest: it is no preference between two.
        """
        if judgment.kind != "preference" or len(judgment.candidates) not in (0, 2):
            raise InvalidRequest(f"{where} is a {judgment.kind}: models are compared by what compare makes")
        self.statuses[judgment.status] += 1
        self._note_provenance(judgment.provenance)
        if not judgment.candidates:
            self.unplaced += 1
            return None
        comparison = comparison_of(judgment, prompt_of(judgment, case, self.cluster), _texts_of(case))
        if case is not None:
            comparison = replace(comparison, asked=text(case.prompt))
        if comparison.is_judged:
            self.measures[comparison.measure or IDENTICAL] += 1
            if isinstance(judgment.verdict, Preference):
                self.combines[judgment.verdict.combine] += 1
        self.comparisons.append(comparison)
        return comparison

    def take_all(self, judgments: Iterator[tuple[str, Judgment, Case | None]]) -> None:
        """Takes judgments in, each with where it stands and its texts."""
        for where, judgment, case in judgments:
            self.take(where, judgment, case)

    def compared(self, told: tuple[str, ...] = ()) -> Compared:
        """What was taken in so far.

        Raises:
            InvalidRequest: nothing was.
        """
        if not self.statuses:
            raise InvalidRequest("there is no judgment here")
        return Compared(
            tuple(self.comparisons), self.unplaced, dict(self.statuses), dict(self.origins), dict(self.combines),
            dict(self.measures), dict(self.orders), tuple(self.judges), told, self.note,
        )  # fmt: skip

    def _note_provenance(self, provenance: Provenance | None) -> None:
        if provenance is None:
            return
        if provenance != self._latest[0]:
            self._latest = provenance, origin_of({"provenance": asdict(provenance)})
            self.judges.update(dict.fromkeys(judge.name for judge in provenance.judges))
            self.note = provenance.note or self.note
        origin = self._latest[1]
        assert origin is not None
        self.origins[origin] += 1
        if provenance.orders:
            self.orders[provenance.orders] += 1


def _annotated(files: Sequence[Path], allow_mixed: bool) -> Iterator[tuple[str, Judgment, Case | None]]:
    """Each annotation as a judgment, with its texts."""
    importing = Importing(ALPACA_EVAL, SOURCES[ALPACA_EVAL], ImportedTexts(), open_library())
    first: tuple[str, Provenance] | None = None
    for row in chain.from_iterable(rows_of(str(path)) for path in files):
        judgment = importing.judgment(row)
        if judgment.failure is not None and judgment.failure.kind == "invalid":
            raise InvalidRequest(judgment.failure.message, judgment.failure.param)
        assert judgment.provenance is not None
        first = first or (row.where, judgment.provenance)
        if judgment.provenance != first[1] and not allow_mixed:
            raise _mixed(first, row.where, judgment.provenance)
        yield row.where, judgment, own_case(judgment)


def _mixed(first: tuple[str, Provenance], where: str, provenance: Provenance) -> RunRefused:
    one, other = (origin_of({"provenance": asdict(told)}) for told in (first[1], provenance))
    assert one is not None
    assert other is not None
    differs = " and ".join(differing(other, one))
    return RunRefused(f"{where} differs from {first[0]} in {differs} (--allow-mixed takes both)")


def _case_of(judgment: Judgment, texts: Texts) -> Case | None:
    """The case that was judged, where its texts are known."""
    return own_case(judgment) or (texts.case_of(judgment) if texts.path and judgment.candidates else None)


def _texts_of(case: Case | None) -> tuple[str, str] | None:
    if case is None:
        return None
    first, second = case.candidates
    return text(first.content), text(second.content)


def _several(told: Any) -> str:
    return ", ".join(dict.fromkeys(map(str, told)))
