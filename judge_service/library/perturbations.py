"""prompts/perturbations.toml: the ways in which an audit words our own prompts otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Final

from judge_service.domain.frozen import frozen
from judge_service.domain.standards import Standard
from judge_service.domain.templates import PromptTemplate
from judge_service.errors import InvalidLibrary
from judge_service.library import Library
from judge_service.library.fields import table_in
from judge_service.library.prompts import check_section
from judge_service.library.shipped import shipped

FACTORS: Final = ("labels", "paraphrase", "date", "language")
_FIELDS: Final = frozenset(("factor", "name", "labels", "before", "sections"))


@frozen
class Variant:
    """One way to ask otherwise.

    Attributes:
        factor: what is changed: one of FACTORS.
        labels: of the two responses in the order shown, and of a tie; empty for the usual ones.
        before: a line before the system text; "" for none.
        sections: what stands in the place of the template's own.
    """

    factor: str
    name: str
    labels: tuple[str, ...] = ()
    before: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)

    def of(self, template: PromptTemplate) -> PromptTemplate | None:
        """The template in this wording; None where it has nothing of what is changed, as a trained judge's own."""
        if template.native or not self.sections.keys() <= template.sections.keys():
            return None
        told = dict(self.sections)
        if self.before:
            told["system"] = f"{self.before}\n\n{template.sections['system']}"
        return template.reworded(told, self.labels)

    def library(self, library: Library, standard: Standard) -> Library | None:
        """The library in which comparisons by that standard are worded so; None where they cannot be."""
        template = library.template(standard, "compare")
        worded = self.of(template)
        return None if worded is None else replace(library, templates={**library.templates, template.id: worded})


def shipped_variants() -> tuple[Variant, ...]:
    """Those that come with the package."""
    return read_variants(shipped("prompts") / "perturbations.toml")


def read_variants(path: Path) -> tuple[Variant, ...]:
    """The variants of a file.

    Raises:
        InvalidLibrary: it is wrong; the message names file, variant and field.
    """
    told = table_in(path)
    listed = told.get("variant")
    if not isinstance(listed, list) or set(told) != {"variant"}:
        raise InvalidLibrary(f"{path.name}: it holds [[variant]] tables and nothing else")
    return tuple(_variant(each, f"{path.name}: variant {number}") for number, each in enumerate(listed, 1))


def _variant(told: Mapping[str, Any], where: str) -> Variant:
    if strange := set(told) - _FIELDS:
        raise InvalidLibrary(f"{where}: there is no field '{min(strange)}'")
    if told.get("factor") not in FACTORS:
        raise InvalidLibrary(f"{where}: factor is one of {', '.join(FACTORS)}")
    sections = told.get("sections", {})
    for name, text in sections.items():
        check_section(name, text, where)
    labels = tuple(told.get("labels", ()))
    if labels and (len(labels) != 3 or len(set(labels)) != 3):
        raise InvalidLibrary(f"{where}: labels are three: of both responses in the order shown, and of a tie")
    return Variant(told["factor"], str(told.get("name", "")), labels, str(told.get("before", "")), dict(sections))
