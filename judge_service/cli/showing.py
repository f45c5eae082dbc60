"""show: one stored judgment, for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from judge_service.cli.printing import print_judgment
from judge_service.domain.parsing import case_from
from judge_service.domain.records import judgment_from
from judge_service.errors import InvalidCase, InvalidRequest, UnknownName
from judge_service.files.kinds import DAMAGE
from judge_service.files.records import records_of


def show(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A file of judgments.")],
    case_id: Annotated[str, typer.Argument(metavar="ID", help="A case id or a judgment id.")],
    as_json: Annotated[bool, typer.Option("--json", help="The whole record as JSON.")] = False,
) -> None:
    """Print one judgment with its evidence."""
    if not output.is_file():
        raise InvalidRequest(f"{output}: no such file")
    try:
        record = next((r for r in records_of(output) if case_id in (r.get("case_id"), r.get("id"))), None)
    except (*DAMAGE, AttributeError) as e:
        raise InvalidRequest(f"{output} is no file of judgments: {e}") from None
    if record is None:
        raise UnknownName(f"{output} holds no judgment of '{case_id}'", "ID")
    if as_json:
        typer.echo(orjson.dumps(record, option=orjson.OPT_INDENT_2))
        return
    try:
        judgment = judgment_from(record)
        case = case_from(record["case"], "score") if record.get("case") else None
    except (KeyError, TypeError, ValueError, InvalidCase) as e:
        raise InvalidRequest(f"{output}: the judgment of '{case_id}' is damaged: {e}") from None
    print_judgment(judgment, case)
