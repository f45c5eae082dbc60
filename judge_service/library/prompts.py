"""prompts/*.md become checked templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from judge_service.domain.digests import digest
from judge_service.domain.templates import (
    BLANKS,
    FENCED_SLOTS,
    RAW_SLOTS,
    RUBRIC_SLOTS,
    USER_SECTIONS,
    PromptTemplate,
    slots_of,
    system_of,
)
from judge_service.errors import InvalidLibrary

_SECTION: Final = re.compile(r"^<!-- ([a-z ]+) -->$", re.MULTILINE)
_ASKS: Final = frozenset(("question", "answer"))
_NATIVE_SLOTS: Final = RAW_SLOTS | RUBRIC_SLOTS | BLANKS.keys() | _ASKS
_SLOTS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(USER_SECTIONS, FENCED_SLOTS | _NATIVE_SLOTS),
    **{system_of(name): frozenset[str]() for name in USER_SECTIONS},
    "anchor": frozenset(("step", "meaning")),
    "question together": frozenset(),
    "question criterion": frozenset(("name", "question")),
    "question principle": frozenset(("name",)),
    **dict.fromkeys(("ask predicate", "ask choice", "ask rising", "ask falling"), frozenset[str]()),
    "answer choice": frozenset(("labels",)),
    "answer choice or tie": frozenset(("labels",)),
    "answer scale": frozenset(("low", "high")),
}
_ANCHOR: Final = "Score $step: $meaning"
"""How a step of the scale is told where a format says nothing else."""
_OF_ONE: Final = frozenset(("raw_response",))
_OF_TWO: Final = frozenset(("raw_first", "raw_second"))


def read_template(path: Path) -> PromptTemplate:
    """One prompts/*.md file: `<!-- name -->` opens a section; what stands before the first is for readers.

    A section `user` with `$raw_` slots makes the template native: the texts stand in a layout of its own.
    """
    try:
        parts = _SECTION.split(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as e:
        raise InvalidLibrary(f"{path.name}: {e}") from None
    sections = {name: text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    if "user" not in sections:
        raise InvalidLibrary(f"{path.name}: there is no section 'user'")
    for name, text in sections.items():
        check_section(name, text, path.name)
    native = bool(slots_of(sections["user"]) & RAW_SLOTS)
    if native:
        _check_native(sections, path.name)
        sections = {"system": "", "anchor": _ANCHOR} | sections
    else:
        _check_fenced(sections, path.name)
    return PromptTemplate(path.stem, sections, digest(sections), native)


def check_section(name: str, text: str, where: str) -> None:
    """Refuses a section that no template has, or a slot that it has no value for.

    Raises:
        InvalidLibrary: saying where.
    """
    if name not in _SLOTS:
        raise InvalidLibrary(f"{where}: unknown section '{name}'")
    if unknown := slots_of(text) - _SLOTS[name]:
        raise InvalidLibrary(f"{where}: section '{name}' has an unknown slot ${min(unknown)}")


def _check_fenced(sections: Mapping[str, str], file: str) -> None:
    if "system" not in sections:
        raise InvalidLibrary(f"{file}: there is no section 'system'")
    slots = slots_of(sections["user"])
    if missing := {"standard", "prompt", "candidates", *_ASKS} - slots:
        raise InvalidLibrary(f"{file}: section 'user' has no slot ${min(missing)}")
    if strange := slots & (RUBRIC_SLOTS | BLANKS.keys()):
        raise InvalidLibrary(f"{file}: section 'user' has ${min(strange)}, which goes with $raw_prompt")
    for name in sections:
        if " with " in name or name == "anchor":
            raise InvalidLibrary(f"{file}: section '{name}' goes with $raw_prompt")


def _check_native(sections: Mapping[str, str], file: str) -> None:
    shown = _OF_ONE if "raw_response" in slots_of(sections["user"]) else _OF_TWO
    for name in USER_SECTIONS:
        if name in sections:
            _check_layout(name, slots_of(sections[name]), shown, f"{file}: section '{name}'")
        elif system_of(name) in sections:
            raise InvalidLibrary(f"{file}: section '{system_of(name)}' goes with a section '{name}'")
    asked = slots_of(sections["user"]) & _ASKS
    for name in sections:
        if name.partition(" ")[0] in _ASKS - asked:
            raise InvalidLibrary(f"{file}: section '{name}' has no place: 'user' has no ${name.partition(' ')[0]}")


def _check_layout(name: str, slots: set[str], shown: frozenset[str], where: str) -> None:
    """A layout shows the prompt, either one response or two, and what its name says it is for."""
    if fenced := slots & FENCED_SLOTS:
        raise InvalidLibrary(f"{where} has ${min(fenced)} beside $raw_ slots: it is either fenced or native")
    if missing := {"raw_prompt", *shown} - slots:
        raise InvalidLibrary(f"{where} has no slot ${min(missing)}")
    if strange := slots & (_OF_ONE | _OF_TWO) - shown:
        raise InvalidLibrary(f"{where} has ${min(strange)} and {_named(shown)}: it shows one response or two")
    for part in ("context", "reference"):
        if part in name and f"raw_{part}" not in slots:
            raise InvalidLibrary(f"{where} has no slot $raw_{part}")


def _named(slots: frozenset[str]) -> str:
    return " and ".join(f"${slot}" for slot in sorted(slots))
