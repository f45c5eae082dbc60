"""Judgments that were written before: several files and patterns, one judgment at a time."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from judge_service.batch.kinds import DAMAGE, READ
from judge_service.batch.records import records_of
from judge_service.domain.judgments import Judgment
from judge_service.domain.records import judgment_from
from judge_service.errors import InvalidRequest, RunRefused


def files_of(patterns: Sequence[str]) -> list[Path]:
    """The files that are named, and those that patterns stand for, each once.

    Raises:
        InvalidRequest: one of them is no file, or a pattern stands for none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        if Path(pattern).is_dir():
            matches = sorted(str(path) for path in Path(pattern).iterdir() if path.name.lower().endswith(READ))
        else:
            matches = [pattern] if Path(pattern).is_file() else sorted(glob.glob(pattern))  # noqa: PTH207
        if not matches:
            raise InvalidRequest(f"{pattern}: no such file")
        found.update(dict.fromkeys(map(Path, matches)))
    return list(found)


def judgments_in(files: Sequence[Path], allow_mixed: bool = False) -> Iterator[tuple[str, Judgment]]:
    """Each judgment with where it stands.

    Args:
        allow_mixed: whether judgments of several judges, epochs, rubrics or methods may stand together.

    Raises:
        InvalidRequest: a line is no judgment.
        RunRefused: they are mixed.
    """
    first: tuple[str, Mapping[str, Any]] | None = None
    for path in files:
        for number, record in enumerate(_records(path), 1):
            where = f"{path} row {number}"
            judgment = _judgment(record, where)
            kind = _made_by(judgment)
            if kind and not allow_mixed:
                if first is None:
                    first = (where, kind)
                _check_same(first, where, kind)
            yield where, judgment


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from records_of(path)
    except DAMAGE as e:
        raise InvalidRequest(f"{path} is no file of judgments: {e}") from None


def _judgment(record: Any, where: str) -> Judgment:
    with suppress(KeyError, TypeError, ValueError):
        if record["object"] == "judgment":
            return judgment_from(record)
    raise InvalidRequest(f"{where} is no judgment")


def _made_by(judgment: Judgment) -> dict[str, Any]:
    told = judgment.provenance
    if told is None:
        return {}
    judges = [(judge.name, judge.model, judge.epoch, judge.digest) for judge in told.judges]
    return {"judge": judges, "rubric": told.rubric.digest, "method": told.method}


def _check_same(first: tuple[str, Mapping[str, Any]], where: str, kind: Mapping[str, Any]) -> None:
    differs = [name for name in kind if kind[name] != first[1][name]]
    if differs:
        raise RunRefused(f"{where} differs from {first[0]} in {' and '.join(differs)} (--allow-mixed takes both)")
