"""audit position: a judge's lean to whatever is shown first, kept on its card for audited orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.runner import Run
from judge_service.batch.stored import Stored
from judge_service.cards.audits import Gathered, audit, gathered
from judge_service.cli.audits.position_page import card_record, page
from judge_service.cli.audits.position_report import position_report
from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge, plain_options
from judge_service.cli.people.labelled import LabelField, LabelsFile, labels_told
from judge_service.cli.printing import warn_offline
from judge_service.cli.progress import Display
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Options, options_from
from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.labels import LabelOf
from judge_service.files.disk import check_output, replace_whole
from judge_service.files.reading import rows_of
from judge_service.files.sources import inputs_of
from judge_service.library import open_library
from judge_service.loops import run_interruptibly
from judge_service.settings import Settings
from judge_service.statistics.position import FLIPS
from judge_service.wiring import open_cards, open_service

PAIRS: Final = 600


def position(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN…", help="Stored judgments in both orders; or a file of cases to judge.")
    ],
    output: Annotated[str, typer.Option("--output", "-o", metavar="CARD", help="Write the card as JSON.")] = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    rubric: Annotated[str | None, typer.Option(help="Of cases: an id, id@version, or a .toml file.")] = None,
    judge: Annotated[str | None, typer.Option(help="Of cases: a configured judge.")] = None,
    field: Annotated[list[str], typer.Option(help="Of cases: FIELD=COLUMN, such as prompt=query.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=2, help="Of cases: so many, the first of the file.")] = PAIRS,
    flips: Annotated[
        float, typer.Option(min=0.001, max=0.4, help="The share of winners that one order may change, as a bound.")
    ] = FLIPS,
    label: LabelField = "",
    labels: LabelsFile = "",
    report: ReportFile = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """How far a judge leans to whatever is shown first, over pairs judged in both orders.

    The estimate goes onto the judge's card, which is kept beside the cache: --orders audited goes by it from then on.
    One order is enough only where 500 pairs or more have shown it.
    """
    inputs: list[Path | str] = [*inputs_of(sources), *([labels] if labels else [])] if output or report else []
    if output:
        check_output(output, inputs)
    check_report(report, inputs)
    label_of = labels_told(label, labels).of if label or labels else None
    settings = WhichJudge(judge_url, model, judge_key_env, offline).settings(config)
    if holds_judgments(sources[0]):
        found = run_interruptibly(_from_judgments(outputs_of(sources), settings, flips, label_of))
    else:
        options = options_from(plain_options({"rubric": rubric, "judge": judge, "orders": "both"}), "compare")
        asked = Asked(sources, parse_fields(field), options, limit, flips, quiet)
        found = run_interruptibly(_from_cases(asked, settings, wait_judge, label_of))
    if not found:
        raise InvalidRequest("no pair was judged in both orders from log-probabilities: there is no bias to estimate")
    records = [card_record(each) for each in found]
    told = orjson.dumps(records[0] if len(records) == 1 else records, option=orjson.OPT_INDENT_2)
    if output:
        replace_whole(Path(output), [told, b"\n"])
    if report:
        write_report(report, position_report(found, records))
    typer.echo(told if json_ else "\n\n".join(map(page, found)))


def holds_judgments(told: str) -> bool:
    """Whether a file's first row is a judgment."""
    first = next(iter(rows_of(told)), None)
    return first is not None and isinstance(first.value, Mapping) and first.value.get("object") == "judgment"


async def _from_judgments(
    files: Sequence[Path], settings: Settings, flips: float, label_of: LabelOf | None
) -> list[Gathered]:
    found = gathered(Stored(files, allow_mixed=True).judgments(), open_library(settings.rubrics).by_digest, label_of)
    async with open_cards(settings.cache) as cards:
        return await audit(cards, found, flips)


@dataclass(frozen=True, slots=True)
class Asked:
    """Cases that are to be judged for the audit."""

    sources: Sequence[str]
    fields: Mapping[str, str]
    options: Options
    limit: int
    flips: float
    quiet: bool


async def _from_cases(asked: Asked, settings: Settings, wait: float, label_of: LabelOf | None) -> list[Gathered]:
    """Judges the cases in both orders; answers that the cache has are not asked again."""
    judgments: list[Judgment] = []
    rows: Iterable[Any] = (row for told in asked.sources for row in rows_of(told))
    async with open_service(settings, wait) as service:
        sitting = service.sitting("compare", asked.options)
        if not asked.quiet:
            warn_offline(sitting.provenance)
        limited = islice(rows, asked.limit)
        run = Run(sitting, "compare", limited, asked.fields, judgments.append, has_room=sitting.has_room)
        with Display(run.progress, asked.quiet):
            await run.carry_out()
        told = ((f"case '{judgment.case_id}'", judgment) for judgment in judgments)
        found = gathered(told, {sitting.standard.digest: sitting.standard}, label_of)
        return await audit(service.cards, found, asked.flips)
