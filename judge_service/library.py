"""rubrics/*.toml and prompts/*.md become checked standards and templates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from judge_service.domain.digests import digest
from judge_service.domain.standards import Constitution, Criterion, Principle, Rubric, Standard
from judge_service.domain.templates import PromptTemplate, slots_of
from judge_service.errors import InvalidLibrary, InvalidOption, UnknownName

Part = TypeVar("Part", Criterion, Principle)
_PACKAGE: Final = Path(__file__).parent
_SECTION: Final = re.compile(r"^<!-- ([a-z ]+) -->$", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_AGGREGATES: Final = ("weighted-mean", "min", "lexicographic", "first")
_TAKES: Final = ("prompt", "candidates", "reference", "context")
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
    ]
)
_SLOTS: Final[Mapping[str, frozenset[str]]] = {
    "system": frozenset(),
    "user": frozenset(("standard", "context", "prompt", "reference", "candidates", "question", "answer")),
    "question together": frozenset(),
    "question criterion": frozenset(("name", "question")),
    "question principle": frozenset(("name",)),
    "answer choice": frozenset(("labels",)),
    "answer choice or tie": frozenset(("labels",)),
    "answer scale": frozenset(("low", "high")),
}
DEFAULT_PROMPTS: Final[Mapping[str, str]] = {"compare": "compare", "score": "score", "rank": "rank"}


@dataclass(frozen=True, slots=True)
class Library:
    """All standards and templates by id."""

    standards: Mapping[str, Standard]
    templates: Mapping[str, PromptTemplate]

    def standard(self, wanted: str | Mapping[str, Any]) -> Standard:
        """A standard by `id` or `id@version`, or made from an inline object of the same shape as a file.

        Raises:
            UnknownName: no such id, or another version of it.
            InvalidOption: the inline object is wrong.
        """
        if not isinstance(wanted, str):
            return self._inline(wanted)
        name, _, version = wanted.partition("@")
        found = self.standards.get(name)
        if found is None:
            raise UnknownName(f"there is no rubric '{name}'; there are {', '.join(sorted(self.standards))}", "rubric")
        if version and found.version != version:
            raise UnknownName(f"rubric '{name}' is at version {found.version}, not {version}", "rubric")
        return found

    def template(self, standard: Standard, task: str) -> PromptTemplate:
        """The template a standard uses for a task."""
        return self.templates[standard.prompts[task]]

    def _inline(self, wanted: Mapping[str, Any]) -> Standard:
        try:
            standard = standard_from({"id": "inline", **wanted}, "the inline rubric")
            return self.checked(standard, "the inline rubric")
        except InvalidLibrary as e:
            raise InvalidOption(e.message, "rubric") from None

    def checked(self, standard: Standard, where: str) -> Standard:
        """The standard, if the prompts it names exist."""
        for task, template in standard.prompts.items():
            if template not in self.templates:
                raise InvalidLibrary(f"{where}: prompts.{task}: there is no prompt '{template}'")
        return standard


def open_library(extra: Path | None = None) -> Library:
    """The library that comes with the package, and a directory of the user's own rubrics (and prompts/) on top.

    Raises:
        InvalidLibrary: a file is wrong; the message names file, field and reason.
    """
    templates: dict[str, PromptTemplate] = {}
    standards: dict[str, Standard] = {}
    folders = [(_shipped("rubrics"), _shipped("prompts"))]
    if extra is not None:
        if not extra.is_dir():
            raise InvalidLibrary(f"{extra}: no such directory of rubrics")
        folders.append((extra, extra / "prompts"))
    for rubrics, prompts in folders:
        templates |= {path.stem: read_template(path) for path in sorted(prompts.glob("*.md"))}
        standards |= {path.stem: read_standard(path) for path in sorted(rubrics.glob("*.toml"))}
    library = Library(standards, templates)
    for name, standard in standards.items():
        library.checked(standard, f"{name}.toml")
    return library


def _shipped(folder: str) -> Path:
    """In a wheel the folders lie inside the package, in a checkout beside it."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def read_template(path: Path) -> PromptTemplate:
    """One prompts/*.md file: `<!-- name -->` opens a section; what stands before the first is for readers."""
    try:
        parts = _SECTION.split(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as e:
        raise InvalidLibrary(f"{path.name}: {e}") from None
    sections = {name: text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    for required in ("system", "user"):
        if required not in sections:
            raise InvalidLibrary(f"{path.name}: there is no section '{required}'")
    for name, text in sections.items():
        if name not in _SLOTS:
            raise InvalidLibrary(f"{path.name}: unknown section '{name}'")
        if unknown := slots_of(text) - _SLOTS[name]:
            raise InvalidLibrary(f"{path.name}: section '{name}' has an unknown slot ${min(unknown)}")
    if missing := {"standard", "prompt", "candidates", "question", "answer"} - slots_of(sections["user"]):
        raise InvalidLibrary(f"{path.name}: section 'user' has no slot ${min(missing)}")
    return PromptTemplate(path.stem, sections, digest(sections))


def read_standard(path: Path) -> Standard:
    """One rubrics/*.toml file; its name is the standard's id."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise InvalidLibrary(f"{path.name}: {e}") from None
    standard = standard_from(given, path.name)
    if standard.id != path.stem:
        raise InvalidLibrary(f"{path.name}: id: the file is named '{path.stem}', the id says '{standard.id}'")
    return standard


def standard_from(given: Mapping[str, Any], where: str) -> Standard:
    """A checked rubric or constitution from the values of a file or of a request.

    Raises:
        InvalidLibrary: naming `where`, the field and the reason.
    """
    field = _Fields(given, where)
    kind = field.one_of("kind", ("rubric", "constitution"), "rubric")
    field.known(_COMMON | {"criteria" if kind == "rubric" else "principles"})
    common = _common(field)
    if kind == "constitution":
        return Constitution(**common, principles=_principles(field))
    return Rubric(**common, criteria=_criteria(field, common["scale"]))


def _common(field: _Fields) -> dict[str, Any]:
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
    }


def _criteria(field: _Fields, scale: tuple[int, int]) -> tuple[Criterion, ...]:
    criteria = tuple(_criterion(row, scale) for row in field.rows("criteria"))
    return _distinct(field, "criteria", criteria)


def _criterion(row: _Fields, scale: tuple[int, int]) -> Criterion:
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


def _principles(field: _Fields) -> tuple[Principle, ...]:
    principles = []
    for row in field.rows("principles"):
        row.known(frozenset(("name", "text")))
        principles.append(Principle(row.text("name"), row.text("text").strip()))
    return _distinct(field, "principles", tuple(principles))


def _distinct(field: _Fields, name: str, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    names = [part.name for part in parts]
    for i, part in enumerate(names):
        if part in names[:i]:
            raise field.wrong(f"{name}[{i}].name", f"'{part}' stands twice")
    return parts


@dataclass(frozen=True, slots=True)
class _Fields:
    """One table of a file, read field by field; whatever is wrong is said with file and field."""

    given: Mapping[str, Any]
    where: str
    at: str = ""

    def wrong(self, name: str, wanted: str) -> InvalidLibrary:
        return InvalidLibrary(f"{self.where}: {self.at}{name}: {wanted}")

    def known(self, names: frozenset[str]) -> None:
        for name in self.given:
            if name not in names:
                raise self.wrong(str(name), f"no such field; there are {', '.join(sorted(names))}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.given.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(name, "a text is needed")
        return value

    def one_of(self, name: str, allowed: Sequence[str], default: str) -> Any:
        value = self.given.get(name, default)
        if value not in allowed:
            raise self.wrong(name, f"one of {', '.join(allowed)}")
        return value

    def boolean(self, name: str) -> bool:
        value = self.given.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            raise self.wrong(name, "a number, 0 or more")
        return float(value)

    def names(self, name: str, allowed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
        value = self.given.get(name, list(default))
        if not isinstance(value, list) or any(v not in allowed for v in value):
            raise self.wrong(name, f"a list of {', '.join(allowed)}")
        return tuple(value)

    def scale(self) -> tuple[int, int]:
        value = self.given.get("scale", [1, 5])
        whole = isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value)
        if not whole or not 0 <= value[0] < value[1] <= 100:
            raise self.wrong("scale", "two whole numbers, lowest and highest, from 0 to 100")
        return value[0], value[1]

    def table(self, name: str, allowed: Mapping[str, str] | None) -> dict[str, str]:
        value = self.given.get(name, {})
        if not isinstance(value, Mapping) or any(not isinstance(v, str) for v in value.values()):
            raise self.wrong(name, "a table of texts")
        for key in value:
            if allowed is not None and key not in allowed:
                raise self.wrong(f"{name}.{key}", f"one of {', '.join(allowed)}")
        return {str(key): text for key, text in value.items()}

    def rows(self, name: str) -> list[_Fields]:
        value = self.given.get(name)
        if not isinstance(value, list) or not value or any(not isinstance(v, Mapping) for v in value):
            raise self.wrong(name, f"one [[{name}]] or more are needed")
        return [replace(self, given=row, at=f"{name}[{i}].") for i, row in enumerate(value)]
