"""rubrics/*.toml become checked rubrics and constitutions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from judge_service.domain.options import check_default
from judge_service.domain.standards import Constitution, Criterion, Principle, Rubric, Standard
from judge_service.errors import InvalidLibrary, InvalidOption
from judge_service.library.fields import Fields, table_in
from judge_service.library.stages import stages_of

Part = TypeVar("Part", Criterion, Principle)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_AGGREGATES: Final = ("weighted-mean", "min", "lexicographic", "first")
_TAKES: Final = ("prompt", "candidates", "reference", "context", "images")
_COMMON: Final = frozenset(
    [
        "id",
        "version",
        "kind",
        "title",
        "description",
        "source",
        "takes",
        "scale",
        "prompts",
        "compare",
        "aggregate",
        "margin",
        "ties",
        "reading",
        "protocol",
        "stages",
        "defaults",
    ]
)
DEFAULT_PROMPTS: Final[Mapping[str, str]] = {"compare": "compare", "score": "score", "rank": "rank"}


def read_standard(path: Path) -> Standard:
    """One rubrics/*.toml file; its name is the standard's id."""
    standard = standard_from(table_in(path), path.name)
    if standard.id != path.stem:
        raise InvalidLibrary(f"{path.name}: id: the file is named '{path.stem}', the id says '{standard.id}'")
    return standard


def standard_from(given: Mapping[str, Any], where: str) -> Standard:
    """A checked rubric or constitution from the values of a file or of a request.

    Raises:
        InvalidLibrary: naming `where`, the field and the reason.
    """
    field = Fields(given, where)
    kind = field.one_of("kind", ("rubric", "constitution"), "rubric")
    field.known(_COMMON | {"criteria" if kind == "rubric" else "principles"})
    common = _common(field)
    if kind == "constitution":
        principles = _principles(field)
        stages = stages_of(field, tuple(principle.name for principle in principles))
        return Constitution(**common, stages=stages, principles=principles)
    criteria = _criteria(field, common["scale"])
    stages = stages_of(field, tuple(criterion.name for criterion in criteria))
    return Rubric(**common, stages=stages, criteria=criteria)


def _common(field: Fields) -> dict[str, Any]:
    name = field.text("id")
    if not _NAME.fullmatch(name):
        raise field.wrong("id", "small letters, digits, dots and dashes only")
    return {
        "id": name,
        "version": field.text("version", "1"),
        "title": field.text("title", name),
        "description": field.text("description", ""),
        "takes": field.names("takes", _TAKES, ("prompt", "candidates")),
        "scale": field.scale(),
        "prompts": {**DEFAULT_PROMPTS, **field.table("prompts", DEFAULT_PROMPTS)},
        "compare": field.one_of("compare", ("together", "per-criterion"), "together"),
        "aggregate": field.one_of("aggregate", _AGGREGATES, "weighted-mean"),
        "margin": field.number("margin", 0.5),
        "ties": field.boolean("ties"),
        "reading": field.text("reading", "json"),
        "protocol": field.text("protocol", "") or None,
        "source": field.table("source", None),
        "defaults": _defaults(field),
    }


def _defaults(field: Fields) -> Mapping[str, Any]:
    """Options that the method is used with, where the caller says nothing else."""
    value = field.given.get("defaults", {})
    if not isinstance(value, Mapping):
        raise field.wrong("defaults", "a table of options")
    for name, default in value.items():
        try:
            check_default(name, default)
        except InvalidOption as e:
            raise field.wrong(f"defaults.{name}", e.message) from None
    return dict(value)


def _criteria(field: Fields, scale: tuple[int, int]) -> tuple[Criterion, ...]:
    criteria = tuple(_criterion(row, scale) for row in field.rows("criteria"))
    return _distinct(field, "criteria", criteria)


def _criterion(row: Fields, scale: tuple[int, int]) -> Criterion:
    row.known(frozenset(("name", "text", "question", "weight", "anchors")))
    question = row.text("question").strip()
    if "\n" in question:
        raise row.wrong("question", "one line only: the question goes last and is kept short")
    weight = row.number("weight", 1.0)
    if weight <= 0:
        raise row.wrong("weight", "a number above 0")
    anchors = {}
    for step, text in row.table("anchors", None).items():
        if not (step.isascii() and step.isdigit()) or not scale[0] <= int(step) <= scale[1]:
            raise row.wrong(f"anchors.{step}", f"a step of the scale {scale[0]} to {scale[1]}")
        anchors[int(step)] = text
    return Criterion(row.text("name"), row.text("text").strip(), question, weight, anchors)


def _principles(field: Fields) -> tuple[Principle, ...]:
    principles = []
    for row in field.rows("principles"):
        row.known(frozenset(("name", "text")))
        principles.append(Principle(row.text("name"), row.text("text").strip()))
    return _distinct(field, "principles", tuple(principles))


def _distinct(field: Fields, name: str, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    names = [part.name for part in parts]
    for i, part in enumerate(names):
        if part in names[:i]:
            raise field.wrong(f"{name}[{i}].name", f"'{part}' stands twice")
    return parts
