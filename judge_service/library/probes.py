"""probes/*.toml become checked probes, and probes/cases/*.toml the cases that they are tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from judge_service.domain.cases import Candidate, Case, Message
from judge_service.domain.digests import digest
from judge_service.domain.probes import KINDS, QUANTITIES, Contrast, Pair, Probe, ProbeText, Quantity, slots_in
from judge_service.errors import InvalidLibrary, UnknownName
from judge_service.library.fields import Fields, table_in
from judge_service.library.shipped import shipped

_FIELDS: Final = frozenset(
    ("id", "version", "title", "kind", "side", "measures", "unguarded", "source", "texts", "most", "least")
)
_TEXT_FIELDS: Final = frozenset(("id", "text", "sentence", "against", "placebo", "turns"))
_WITHOUT_TEXTS: Final = ("paraphrase", "contrast", "authors")
_ROLES: Final = ("user", "assistant")
BETTER, WORSE = "better", "worse"


def open_probes(wanted: Sequence[str] = (), folder: Path | None = None) -> tuple[Probe, ...]:
    """The probes by name, in the order of their names; all of them where none is named.

    Args:
        folder: where their files lie; None for those that come with the package.

    Raises:
        InvalidLibrary: a file is wrong; the message names file, field and reason.
        UnknownName: there is no such probe.
    """
    where = shipped("probes") if folder is None else folder
    found = {path.stem: read_probe(path) for path in sorted(where.glob("*.toml"))}
    for name in wanted:
        if name not in found:
            raise UnknownName(f"there is no suite '{name}'; there are {', '.join(found)}", "suite")
    return tuple([probe for name, probe in found.items() if not wanted or name in wanted])


def read_probe(path: Path) -> Probe:
    """One probes/*.toml file; its name is the probe's id.

    Raises:
        InvalidLibrary: it is wrong.
    """
    probe = probe_from(table_in(path), path.name)
    if probe.id != path.stem:
        raise InvalidLibrary(f"{path.name}: id: the file is named '{path.stem}', the id says '{probe.id}'")
    return probe


def probe_from(given: Mapping[str, Any], where: str) -> Probe:
    """A checked probe from the values of a file.

    Raises:
        InvalidLibrary: naming `where`, the field and the reason.
    """
    field = Fields(given, where)
    field.known(_FIELDS)
    kind = field.one_of("kind", KINDS, "")
    measures: Any = field.names("measures", get_args(Quantity), QUANTITIES[kind])
    if not measures or not set(measures) <= set(QUANTITIES[kind]):
        raise field.wrong("measures", f"one or more of {', '.join(QUANTITIES[kind])} go with kind {kind}")
    return Probe(
        id=field.text("id"),
        version=field.text("version", "1"),
        title=field.text("title"),
        kind=kind,
        side=field.one_of("side", ("each", "worse"), "each"),
        measures=measures,
        texts=() if kind in _WITHOUT_TEXTS else _texts(field, kind),
        unguarded=field.boolean("unguarded"),
        source=field.table("source", None),
        most=_bounds(field, "most", measures),
        least=_bounds(field, "least", measures),
        digest=digest(dict(given)),
    )


def shipped_pairs(folder: Path | None = None) -> tuple[Pair, ...]:
    """The pairs that come with the package: real questions, each with an answer that is clearly better.

    Raises:
        InvalidLibrary: the file is wrong.
    """
    path = (shipped("probes") if folder is None else folder) / "cases" / "pairs.toml"
    rows = Fields(table_in(path), path.name).rows("pairs")
    return tuple([_pair(row, number) for number, row in enumerate(rows)])


def shipped_contrasts(folder: Path | None = None) -> tuple[Contrast, ...]:
    """The contrast instructions that come with the package.

    Raises:
        InvalidLibrary: the file is wrong.
    """
    path = (shipped("probes") if folder is None else folder) / "cases" / "contrasts.toml"
    return tuple([_contrast(row) for row in Fields(table_in(path), path.name).rows("contrasts")])


def _bounds(field: Fields, name: str, measures: Sequence[str]) -> dict[str, float]:
    value = field.given.get(name, {})
    if not isinstance(value, Mapping):
        raise field.wrong(name, "a table of numbers by measure")
    for measure in value:
        if measure not in measures:
            raise field.wrong(f"{name}.{measure}", f"one of {', '.join(measures)}")
    bounds = Fields(value, field.where, f"{name}.")
    return {str(measure): bounds.number(measure, 0.0) for measure in value}


def _texts(field: Fields, kind: str) -> tuple[ProbeText, ...]:
    texts = [_text(row, kind) for row in field.rows("texts")]
    names = [text.id for text in texts]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise field.wrong(f"texts[{i}].id", f"'{name}' stands twice")
    return tuple(texts)


def _text(row: Fields, kind: str) -> ProbeText:
    row.known(_TEXT_FIELDS)
    name, placebo = row.text("id"), row.boolean("placebo")
    if kind == "history":
        turns = tuple([Message(turn.one_of("role", _ROLES, ""), turn.text("content")) for turn in row.rows("turns")])
        return ProbeText(name, placebo=placebo, turns=turns)
    text, sentence = row.text("text", ""), row.text("sentence", "")
    slots = slots_in(text)
    if kind == "prompt" and ("prompt" not in slots or ("opening" not in slots and not placebo)):
        raise row.wrong("text", "it shows $prompt, and names a candidate by its $opening unless it is a placebo")
    if "sentences" in slots and "text" not in slots_in(sentence):
        raise row.wrong("sentence", "how each of $sentences is laid out, with $text for the sentence")
    return ProbeText(name, text, sentence, row.boolean("against"), placebo)


def _pair(row: Fields, number: int) -> Pair:
    row.known(frozenset(("id", "domain", "language", "prompt", "better", "worse", "paraphrases")))
    # Which stands first alternates: it must not be what tells them apart.
    order = (BETTER, WORSE) if number % 2 == 0 else (WORSE, BETTER)
    candidates = tuple([Candidate(side, row.text(side).strip()) for side in order])
    told = row.given.get("paraphrases", [])
    if not isinstance(told, list) or any(not isinstance(text, str) or not text.strip() for text in told):
        raise row.wrong("paraphrases", "a list of texts")
    metadata = {"language": row.text("language", "en")}
    case = Case(row.text("id"), row.text("prompt").strip(), candidates, domain=row.text("domain"), metadata=metadata)
    return Pair(case, order.index(BETTER), tuple(told))


def _contrast(row: Fields) -> Contrast:
    row.known(frozenset(("id", "prompts", "responses")))
    return Contrast(row.text("id"), _two(row, "prompts"), _two(row, "responses"))


def _two(row: Fields, name: str) -> tuple[str, str]:
    told = row.given.get(name)
    if not isinstance(told, list) or len(told) != 2 or any(not isinstance(t, str) or not t.strip() for t in told):
        raise row.wrong(name, "two texts")
    return told[0], told[1]
