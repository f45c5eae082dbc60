"""audit IN…: one card for a judge under a rubric, or where its variance comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.rows import parse_fields
from judge_service.cards.book import Cards
from judge_service.cli.audits.asked import AuditAsked, judged, stored, swayed, with_thinker
from judge_service.cli.audits.card_page import page
from judge_service.cli.audits.card_report import audit_record, report_of
from judge_service.cli.audits.perturbation_page import Found
from judge_service.cli.audits.perturbation_page import page as variance_page
from judge_service.cli.audits.perturbation_page import record as variance_record
from judge_service.cli.audits.perturbation_page import report as variance_report
from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge, plain_options
from judge_service.cli.people.labelled import LabelField, LabelsFile, labels_told
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.frozen import frozen
from judge_service.domain.options import options_from
from judge_service.errors import InvalidOption
from judge_service.evaluation.audits.audit_card import AuditCard, Changes, card_from, changes_since, latest
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.perturbation import perturbation_of
from judge_service.evaluation.audits.sights import Sight, sights_of
from judge_service.evaluation.audits.thresholds import Checked, Threshold, checked, thresholds_in
from judge_service.files.disk import check_output, replace_whole
from judge_service.files.sources import inputs_of
from judge_service.library.perturbations import shipped_variants
from judge_service.loops import run_interruptibly
from judge_service.probing.audits import Audited
from judge_service.probing.perturbing import Plan, perturbed
from judge_service.settings import Settings
from judge_service.wiring import open_cards, open_service

CASES: Final = 300
FAILED: Final = 3


def card(
    sources: Annotated[
        list[str], typer.Argument(metavar="IN…", help="Cases to judge; or stored judgments, which need no judge.")
    ],
    perturb: Annotated[
        bool, typer.Option("--perturb", help="Of cases: where this judge's variance comes from, in place of the card.")
    ] = False,
    output: Annotated[str, typer.Option("--output", "-o", metavar="CARD", help="Write the card as JSON.")] = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    rubric: Annotated[str | None, typer.Option(help="Of cases: an id, id@version, or a .toml file.")] = None,
    judge: Annotated[str | None, typer.Option(help="Of cases: a configured judge.")] = None,
    method: Annotated[str | None, typer.Option(help="Of cases: auto, direct or cot.")] = None,
    field: Annotated[list[str], typer.Option(help="Of cases: FIELD=COLUMN, such as prompt=query.")] = [],  # noqa: B006
    limit: Annotated[int, typer.Option(min=2, help="Of cases: so many, the first of the file.")] = CASES,
    repeats: Annotated[
        int, typer.Option(min=0, max=100, help="Of cases: so often each is asked again, past the cache.")
    ] = 2,
    probes: Annotated[
        int, typer.Option(min=0, help="Of cases: so many texts of each suite of probes on its pairs; 0: no probes.")
    ] = 2,
    label: LabelField = "",
    labels: LabelsFile = "",
    fail_if: Annotated[
        list[str],
        typer.Option(metavar="CONDITIONS", help="Exit code 3 if one holds: '|position.bias|>0.5, accuracy<70%'."),
    ] = [],  # noqa: B006
    thresholds: Annotated[
        str, typer.Option(metavar="FILE", help='A .toml file of such conditions: fail_if = ["…", "…"].')
    ] = "",
    against: Annotated[str, typer.Option(metavar="CARD", help="Show the change since that card, not the last.")] = "",
    report: ReportFile = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """One card of a judge under a rubric: what it leans to, how it repeats itself, what it is worth against labels.

    Every number has its n and a 95% interval. The card is kept beside the cache until the judge becomes another, and
    the next one shows what has changed. Exit code 3 if a condition of --fail-if holds.
    """
    inputs: list[Path | str] = [*inputs_of(sources), *([labels] if labels else []), *([against] if against else [])]
    check_report(report, inputs)
    if output:
        check_output(output, inputs)
    settings = WhichJudge(judge_url, model, judge_key_env, offline).settings(config)
    told = {"rubric": rubric, "judge": judge, "method": method, "orders": "both"}
    options = options_from(plain_options(told), "compare")
    label_of = labels_told(label, labels).of if label or labels else None
    asked = AuditAsked(sources, parse_fields(field), options, label_of, limit, repeats, probes, quiet)
    put = Put(output, report, json_)
    if perturb:
        if label or labels or fail_if or thresholds or against:
            raise InvalidOption("--perturb takes no labels, thresholds or other cards", "perturb")
        _put_variance(run_interruptibly(_perturbed(asked, settings, wait_judge)), put)
        return
    conditions = _conditions(fail_if, thresholds)
    before = _card_at(against) if against else None
    made = run_interruptibly(_carded(asked, settings, wait_judge, before))
    _put_cards([each.checked(conditions) for each in made], put)


@frozen
class Put:
    """Where findings go."""

    output: str
    report: str
    as_json: bool


@frozen
class Carded:
    """A card, what it rests on, and what has changed."""

    card: AuditCard
    sights: Sequence[Sight]
    changes: Changes | None
    concordances: Sequence[float] = ()
    thresholds: tuple[Checked, ...] = ()

    def checked(self, conditions: Sequence[Threshold]) -> Carded:
        """The same with its thresholds looked at."""
        return replace(self, thresholds=checked(conditions, self.card.measures))


def _conditions(told: Sequence[str], file: str) -> tuple[Threshold, ...]:
    listed = list(told)
    if file:
        try:
            listed += tomllib.loads(Path(file).read_text(encoding="utf-8"))["fail_if"]
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
            raise InvalidOption(f"--thresholds {file}: {e}", "thresholds") from None
        except (KeyError, TypeError):
            raise InvalidOption(f'--thresholds {file}: it holds fail_if = ["…"]', "thresholds") from None
    return tuple(threshold for each in listed for threshold in thresholds_in(str(each)))


def _card_at(path: str) -> AuditCard:
    try:
        return card_from(orjson.loads(Path(path).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise InvalidOption(f"--against {path}: no card that `audit -o` wrote ({e})", "against") from None


async def _carded(asked: AuditAsked, settings: Settings, wait: float, before: AuditCard | None) -> list[Carded]:
    if asked.are_judgments:
        async with open_cards(settings.cache) as cards:
            return [await _kept(audited, (), cards, before) for audited in stored(asked, settings)]
    async with open_service(settings, wait, learn=False) as service:
        more = await swayed(asked, service)
    async with open_service(settings, wait) as service:
        return [await _kept(await judged(asked, service), more, service.cards, before)]


async def _kept(audited: Audited, more: Sequence[Measure], cards: Cards, before: AuditCard | None) -> Carded:
    made = audited.card(more)
    last = before or latest(await cards.audits.of(made.judge), made)
    await cards.audits.keep([made])
    changes = None if last is None else changes_since(last, made)
    return Carded(made, audited.sights, changes, audited.concordances)


async def _perturbed(asked: AuditAsked, settings: Settings, wait: float) -> Found:
    if asked.are_judgments:
        raise InvalidOption("--perturb asks a judge: it takes cases, and these are judgments", "perturb")
    settings, thinker = with_thinker(settings, asked.options.judge)
    async with open_service(settings, wait) as service:
        plan = Plan(shipped_variants(), asked.repeats, thinker)
        told = await perturbed(service, asked.options, asked.rows(), asked.fields, plan, asked.shown)
        made = service.sitting("compare", asked.options).provenance
    clusters = {sight.case_id: sight.cluster for sight in sights_of(told.judgments, {}, {})}
    return Found(made, perturbation_of(told.base, told.arms, clusters), told.left_out)


def _put_variance(found: Found, put: Put) -> None:
    write_report(put.report, variance_report(found))
    _put(put, variance_record(found), variance_page(found))


def _put_cards(made: Sequence[Carded], put: Put) -> None:
    if put.report:
        if len(made) > 1:
            raise InvalidOption(f"--report shows one card, and these judgments make {len(made)}", "report")
        (one,) = made
        write_report(put.report, report_of(one.card, one.sights, one.changes, one.thresholds, one.concordances))
    records = [audit_record(each.card, each.changes, each.thresholds) for each in made]
    pages = [page(each.card, each.changes, each.thresholds) for each in made]
    _put(put, records[0] if len(records) == 1 else records, "\n\n".join(pages))
    if any(threshold.failed for each in made for threshold in each.thresholds):
        raise typer.Exit(FAILED)


def _put(put: Put, told: Any, shown: str) -> None:
    written = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    if put.output:
        replace_whole(Path(put.output), [written, b"\n"])
    typer.echo(written if put.as_json else shown)
