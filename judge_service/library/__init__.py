"""rubrics/*.toml and prompts/*.md become checked standards and templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_service.domain.standards import Standard
from judge_service.domain.templates import PromptTemplate
from judge_service.errors import InvalidLibrary, InvalidOption, UnknownName
from judge_service.library.prompts import read_template
from judge_service.library.shipped import shipped
from judge_service.library.standards import DEFAULT_PROMPTS, read_standard, standard_from

__all__ = ["DEFAULT_PROMPTS", "Library", "open_library", "read_standard", "read_template", "standard_from"]


@dataclass(frozen=True, slots=True)
class Library:
    """All standards and templates by id."""

    standards: Mapping[str, Standard]
    templates: Mapping[str, PromptTemplate]

    @property
    def by_digest(self) -> dict[str, Standard]:
        """The standards as judgments name them."""
        return {standard.digest: standard for standard in self.standards.values()}

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


def open_library(extra: str | Path = "") -> Library:
    """The library that comes with the package, and a directory of the user's own rubrics (and prompts/) on top.

    Args:
        extra: that directory; "" for none.

    Raises:
        InvalidLibrary: a file is wrong; the message names file, field and reason.
    """
    templates: dict[str, PromptTemplate] = {}
    standards: dict[str, Standard] = {}
    folders = [(shipped("rubrics"), shipped("prompts"))]
    if extra:
        own = Path(extra)
        if not own.is_dir():
            raise InvalidLibrary(f"{own}: no such directory of rubrics")
        folders.append((own, own / "prompts"))
    for rubrics, prompts in folders:
        templates |= {path.stem: read_template(path) for path in sorted(prompts.glob("*.md"))}
        standards |= {path.stem: read_standard(path) for path in sorted(rubrics.glob("*.toml"))}
    library = Library(standards, templates)
    for name, standard in standards.items():
        library.checked(standard, f"{name}.toml")
    return library
