"""Stored judgments beside people's labels, as the commands that audit a judge are told where to find them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import typer

from judge_service.batch.labels import labels_in
from judge_service.batch.outputs import outputs_of
from judge_service.batch.people import people_in
from judge_service.batch.stored import Stored
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment, Provenance
from judge_service.errors import InvalidOption
from judge_service.evaluation.origins import origin_of
from judge_service.evaluation.people.labelled import LabelledSet, Way, labelled_set
from judge_service.evaluation.people.labels import LabelOf, label_by_case, label_in_metadata
from judge_service.evaluation.people.raters import Said, SaidOf, said_by_case, said_in_metadata

Sources = Annotated[list[str], typer.Argument(metavar="IN…", help="Files of judgments, or patterns.")]
LabelField = Annotated[str, typer.Option("--label", metavar="FIELD", help="The field of metadata with the label.")]
LabelsFile = Annotated[str, typer.Option("--labels", metavar="FILE", help="Rows of case_id and label.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


Seen = dict[str, dict[str, None]]
"""Judges, rubrics and methods that were met."""


class Labels(NamedTuple):
    """Where labels come from.

    Attributes:
        listed: ids of the cases that a file labels; none where labels stand in metadata.
    """

    of: LabelOf
    listed: frozenset[str] = frozenset()


class Found(NamedTuple):
    """Judgments with labels.

    Attributes:
        unused: how many listed labels are of cases without a verdict here.
    """

    labelled: LabelledSet
    unused: int


def labels_told(field: str, file: str) -> Labels:
    """The labels a command was told of.

    Raises:
        InvalidOption: neither flag is given, or both.
        InvalidRequest: a row of the file is no label.
    """
    _check_one(field, file)
    if field:
        return Labels(label_in_metadata(field))
    listed = labels_in(file)
    return Labels(label_by_case(listed), frozenset(listed))


class People(NamedTuple):
    """Where several people's labels come from.

    Attributes:
        by_case: what a file says, by case id; empty where labels stand in metadata.
    """

    of: SaidOf
    by_case: Mapping[str, Sequence[Said]] = MappingProxyType({})

    @property
    def listed(self) -> frozenset[str]:
        """Ids of the cases that a file labels."""
        return frozenset(self.by_case)


def people_told(field: str, file: str) -> People:
    """The labels a command was told of, each person's.

    Raises:
        InvalidOption: neither flag is given, or both.
        InvalidRequest: a row of the file is no label.
    """
    _check_one(field, file)
    if field:
        return People(said_in_metadata(field))
    listed = people_in(file)
    return People(said_by_case(listed), listed)


def _check_one(field: str, file: str) -> None:
    if bool(field) == bool(file):
        raise InvalidOption("say where the labels are: --label FIELD of the metadata, or --labels FILE", "label")


def facts_of(
    judgments: Iterable[tuple[str, Judgment, Case | None]], seen: Seen
) -> Iterator[tuple[str, Judgment, Case | None]]:
    """The same judgments; who judged them, and by what, is noted as they pass by."""
    latest: Provenance | None = None
    for where, judgment, case in judgments:
        made = judgment.provenance
        if made is not None and made != latest:
            latest = made
            origin = origin_of({"provenance": asdict(made)})
            for name, value in ({} if origin is None else origin._asdict()).items():
                seen.setdefault(name, {})[value] = None
        yield where, judgment, case


def in_words(seen: Seen) -> dict[str, str]:
    """What was noted, in words by name."""
    return {name: ", ".join(values) for name, values in seen.items()}


def find_labelled(sources: Sequence[str], labels: Labels) -> Found:
    """The judgments that have labels, all of one judge asked in one way.

    Raises:
        InvalidRequest, RunRefused: the files do not hold that.
    """
    labelled = labelled_set(Stored(outputs_of(sources)).judgments(), labels.of)
    return Found(labelled, len(labels.listed - {case.case_id for case in labelled.cases}))


def left_out(found: Found) -> str:
    """What was not used, in words; empty where all was."""
    judgments = ", ".join(f"{count} {why}" for why, count in sorted(found.labelled.left_out.items()))
    parts = [f"left out: {judgments}"] if judgments else []
    if found.unused:
        parts.append(f"labels without a verdict: {found.unused}")
    return "; ".join(parts)


def left_out_record(found: Found) -> dict[str, Any]:
    """The same as plain fields."""
    return {"left_out": found.labelled.left_out, "labels_without_verdict": found.unused}


def described(way: Way) -> str:
    """A way of judging in one line."""
    judge, rubric = f"{way.judge.name} ({way.judge.model})", f"{way.rubric.id}@{way.rubric.version}"
    orders = f", orders {way.orders}" if way.orders else ""
    return f"judge {judge}, rubric {rubric}, method {way.method}{orders}"
