"""audit probes: what sways a judge that should not, tried on pairs with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.progress import Progress
from judge_service.batch.rows import parse_fields
from judge_service.cli.audits.probes_page import probes_page
from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, NoCache, Offline, WaitJudge, WhichJudge
from judge_service.cli.flags import plain_options as plain
from judge_service.cli.people.labelled import LabelField, LabelsFile, labels_told
from judge_service.cli.printing import warn_offline
from judge_service.cli.progress import Display
from judge_service.domain.judgments import Provenance
from judge_service.domain.options import Options, options_from
from judge_service.errors import InvalidOption
from judge_service.evaluation.audits.measures import measure_record
from judge_service.evaluation.audits.probing import ProbeFinding, finding_record
from judge_service.files.disk import check_output, replace_whole
from judge_service.files.sources import inputs_of
from judge_service.library.probes import open_probes, shipped_contrasts, shipped_pairs
from judge_service.loops import run_interruptibly
from judge_service.probing.reading import contrasts_in, controls_in, pairs_in
from judge_service.probing.running import Probing, findings
from judge_service.settings import Settings
from judge_service.wiring import open_service

CASES: Final = 100


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found, and of whom."""

    judge: Provenance
    findings: Sequence[ProbeFinding]
    progress: Progress


def probes(
    cases: Annotated[str, typer.Argument(metavar="[CASES]", help="Your own pairs; else those that come along.")] = "",
    suite: Annotated[list[str], typer.Option(help="Only these suites: injection,sycophancy …")] = [],  # noqa: B006
    labels: LabelsFile = "",
    label: LabelField = "",
    control: Annotated[
        list[str],
        typer.Option(metavar="JUDGED", help="Another judge's judgments on the same cases, against self-preference."),
    ] = [],  # noqa: B006
    contrast: Annotated[str, typer.Option(metavar="FILE", help="Your own contrasts: rows of prompts, responses.")] = "",
    texts: Annotated[int, typer.Option(min=0, help="So many texts of a suite on each case, drawn; 0: all.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="So many cases, the first of the file.")] = CASES,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write the findings as JSON.")] = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    rubric: Annotated[str | None, typer.Option(help="An id, id@version, or a .toml file.")] = None,
    judge: Annotated[str | None, typer.Option(help="A configured judge.")] = None,
    method: Annotated[str | None, typer.Option(help="auto, direct or cot.")] = None,
    field: Annotated[list[str], typer.Option(help="Of cases: FIELD=COLUMN, such as prompt=query.")] = [],  # noqa: B006
    no_cache: NoCache = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """What sways a judge: beliefs of the user, authority, format, orders inside an answer, and answers that are none.

    Each suite is a file of texts; the pairs are judged without and with them, and what moved is told with its
    interval. Ends with 3 where something was not judged.
    """
    if labels and label:
        raise InvalidOption("give --labels or --label, not both", "label")
    if (labels or label) and control:
        raise InvalidOption("self-preference is controlled by labels or by another judge: give one", "control")
    if output:
        check_output(output, inputs_of([path for path in (cases, labels, contrast) if path]))
    probing = Probing(
        probes=open_probes([name for told in suite for name in told.split(",") if name]),
        pairs=pairs_in(cases, parse_fields(field), limit) if cases else shipped_pairs()[:limit],
        contrasts=contrasts_in(contrast) if contrast else shipped_contrasts(),
        texts=texts,
        label_of=labels_told(label, labels).of if labels or label else None,
        controls=controls_in(control) if control else {},
    )
    given = {"rubric": rubric, "judge": judge, "method": method, "orders": "both"}
    options = options_from(plain({**given, "cache": "bypass" if no_cache else None}), "compare")
    settings = WhichJudge(judge_url, model, judge_key_env, offline).settings(config)
    found = run_interruptibly(_probed(probing, options, settings, wait_judge, quiet))
    told = orjson.dumps(_record(found), option=orjson.OPT_INDENT_2)
    if output:
        replace_whole(Path(output), [told, b"\n"])
    typer.echo(told if as_json else probes_page(found.judge, found.findings))
    if found.progress.unfinished:
        raise typer.Exit(3)


async def _probed(probing: Probing, options: Options, settings: Settings, wait: float, quiet: bool) -> Probed:
    progress = Progress()
    async with open_service(settings, wait, learn=False) as service:
        provenance = service.sitting("compare", options).provenance
        if not quiet:
            warn_offline(provenance)
        with Display(progress, quiet):
            found = await findings(service, options, probing, progress)
        return Probed(provenance, found, progress)


def _record(found: Probed) -> dict[str, Any]:
    """The findings as JSON-like values, and all measures in one list."""
    judge, rubric = found.judge.judges[0], found.judge.rubric
    return {
        "object": "probes",
        "judge": {"name": judge.name, "model": judge.model, "epoch": judge.epoch, "digest": judge.digest},
        "rubric": {"id": rubric.id, "version": rubric.version, "digest": rubric.digest},
        "prompt": found.judge.prompt.digest,
        "method": found.judge.method,
        "measures": [measure_record(measure) for one in found.findings for measure in one.measures],
        "suites": [finding_record(one) for one in found.findings],
        "judged": found.progress.finished,
        "unscored": found.progress.unfinished,
        "failures": found.progress.failures,
        "judge_calls": found.progress.judge_calls,
        "cache_hits": found.progress.cache_hits,
    }
