"""Outputs as they stand, finished or being written: files, patterns and folders, and one record at a time."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.domain.judgments import Judgment
from judge_service.domain.records import judgment_from
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.evaluation.origins import Origin, differing, origin_of
from judge_service.files.kinds import DAMAGE, GATHERED, WRITTEN, kind_of
from judge_service.files.records import records_of

_NO_EVIDENCE: Final = {"votes": (), "notes": (), "panel": None, "provenance": None}
_TORN: Final = "its last line is torn: it is being written, or its run was killed (the same run again mends it)"


def outputs_of(patterns: Sequence[str]) -> list[Path]:
    """The outputs that are named, that patterns stand for and that lie in folders, each once.

    A compressed output that is still gathered in OUT.partial counts, by the name it will have.

    Raises:
        InvalidRequest: one of them is no output, or a pattern or a folder stands for none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        outputs = _in_folder(Path(pattern)) if Path(pattern).is_dir() else _named(pattern)
        if not outputs:
            raise InvalidRequest(f"{pattern}: no such file" if not Path(pattern).is_dir() else f"{pattern}: no output")
        found.update(dict.fromkeys(outputs))
    return list(found)


def _in_folder(folder: Path) -> list[Path]:
    names = {path.name.removesuffix(GATHERED) for path in folder.iterdir() if path.is_file()}
    return [folder / name for name in sorted(names) if name.lower().endswith(WRITTEN) and not name.startswith(".")]


def _named(pattern: str) -> list[Path]:
    if Path(pattern).is_file() or Path(pattern + GATHERED).is_file():
        return [Path(pattern)]
    names = {*glob.glob(pattern), *glob.glob(pattern + GATHERED)}  # noqa: PTH207
    return [Path(name) for name in sorted({name.removesuffix(GATHERED) for name in names})]


@dataclass(slots=True)
class Reading:
    """Judgments read as plain records, each with where it stands; no lock is taken.

    Attributes:
        allow_mixed: whether judgments of several judges, epochs, rubrics or methods may stand together.
        tolerant: whether a torn last line is left out, as it is of an output that is being written.
        torn: the files whose last line was left out.
        origins: how many judgments come from where.
    """

    files: Sequence[Path]
    allow_mixed: bool = False
    tolerant: bool = True
    torn: list[Path] = field(default_factory=list)
    origins: dict[Origin, int] = field(default_factory=dict)

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """One after the other.

        Raises:
            InvalidRequest: a line is no judgment.
            RunRefused: they are mixed.
        """
        first: tuple[str, Origin] | None = None
        origin_at = _Origins()
        for path in self.files:
            for number, record in enumerate(self._read(path), 1):
                where = f"{path} row {number}"
                origin = origin_at(record, where)
                if origin is not None:
                    self.origins[origin] = self.origins.get(origin, 0) + 1
                    first = first or (where, origin)
                    if origin != first[1] and not self.allow_mixed:
                        raise _mixed(first, where, origin)
                yield where, record

    def _read(self, path: Path) -> Iterator[Any]:
        gathered = path.with_name(path.name + GATHERED)
        try:
            if gathered.is_file() and (gathered.stat().st_size or not path.is_file()):
                yield from self._lines(gathered)
            elif kind_of(str(path)) == ".jsonl":
                yield from self._lines(path)
            else:
                yield from records_of(path)
        except DAMAGE as e:
            raise InvalidRequest(f"{path} is no file of judgments: {e}") from None

    def _lines(self, path: Path) -> Iterator[Any]:
        with path.open("rb") as lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:
                    if line.endswith(b"\n"):
                        raise
                    if not self.tolerant:
                        raise InvalidRequest(f"{path}: {_TORN}") from None
                    self.torn.append(path)
                    return
                yield record


def judgment_at(where: str, record: Mapping[str, Any], with_evidence: bool = True) -> Judgment:
    """The judgment that a record holds.

    Args:
        with_evidence: whether its votes are wanted too, and who judged: most of the time goes into them.

    Raises:
        InvalidRequest: it holds none.
    """
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        return judgment_from(record if with_evidence else {**record, **_NO_EVIDENCE})
    raise InvalidRequest(f"{where} is no judgment")


@dataclass(slots=True)
class _Origins:
    """Where one record after the other comes from, which is mostly where the one before came from."""

    provenance: Any = None
    origin: Origin | None = None

    def __call__(self, record: Any, where: str) -> Origin | None:
        with suppress(KeyError, TypeError, AttributeError):
            if record["object"] == "judgment" and isinstance(record["case_id"], str) and record["status"]:
                told = record.get("provenance")
                if told != self.provenance:
                    self.provenance, self.origin = told, origin_of(record)
                return self.origin
        raise InvalidRequest(f"{where} is no judgment")


def _mixed(first: tuple[str, Origin], where: str, origin: Origin) -> RunRefused:
    differs = " and ".join(differing(origin, first[1]))
    return RunRefused(f"{where} differs from {first[0]} in {differs} (--allow-mixed takes both)")
