"""compare, score and rank: a file of cases, or one case given on the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from judge_service.cli.flags import (
    Config,
    JudgeUrl,
    KeyEnv,
    Model,
    NoCache,
    Offline,
    WaitJudge,
    WhichJudge,
    plain_options,
)
from judge_service.cli.on_ray import RayFlags
from judge_service.cli.one import OneCase, judge_one
from judge_service.cli.rated_too import run_rated
from judge_service.cli.run import BatchFlags
from judge_service.domain.options import Task
from judge_service.errors import InvalidOption
from judge_service.loops import run_interruptibly

_HELP: dict[Task, str] = {
    "compare": "Which of two candidates is better, for every case of a file.",
    "score": "How good each candidate is, on the rubric's scale.",
    "rank": "The order of all candidates of a case.",
}


def add_to(app: typer.Typer) -> None:
    """Adds the three judging commands."""
    for task, text in _HELP.items():
        app.command(task, help=text)(_command(task))


def _command(task: Task) -> Callable[..., None]:
    def command(
        source: Annotated[
            str,
            typer.Argument(
                metavar="[IN]",
                help="A .jsonl or .json file, .gz or .zst behind it, or .parquet; a pattern or a folder of such; a "
                "folder that `datasets` saved; - is standard input.",
            ),
        ] = "",
        output: Annotated[
            str,
            typer.Option(
                "--output", "-o", metavar="OUT", help="Judgments, of the kinds IN may have; - is standard output."
            ),
        ] = "-",
        ratings: Annotated[
            str, typer.Option(metavar="OUT", help="Score each candidate too, by the same rubric, into this file.")
        ] = "",
        prompt: Annotated[str | None, typer.Option(help="One case instead of a file: its prompt.")] = None,
        a: Annotated[str | None, typer.Option("--a", help="The first candidate (compare).")] = None,
        b: Annotated[str | None, typer.Option("--b", help="The second candidate (compare).")] = None,
        response: Annotated[str | None, typer.Option(help="The response (score).")] = None,
        candidate: Annotated[list[str], typer.Option(help="A candidate (rank, score); repeat it.")] = [],  # noqa: B006
        reference: Annotated[str | None, typer.Option(help="A known good answer, for one case.")] = None,
        context: Annotated[str | None, typer.Option(help="What the judge may rely on, for one case.")] = None,
        judge_url: JudgeUrl = [],  # noqa: B006
        model: Model = "",
        judge_key_env: KeyEnv = "",
        offline: Offline = False,
        server: Annotated[
            str, typer.Option(help="A running judge-service to ask, such as http://127.0.0.1:8080.")
        ] = "",
        config: Config = None,
        wait_judge: WaitJudge = 10.0,
        rubric: Annotated[
            str | None, typer.Option(help="An id, id@version, or a .toml file. [default: helpfulness]")
        ] = None,
        judge: Annotated[list[str], typer.Option(help="A configured judge; several are a panel.")] = [],  # noqa: B006
        method: Annotated[str | None, typer.Option(help="auto, direct or cot.")] = None,
        orders: Annotated[str | None, typer.Option(help="both, one, audited; rank: design.")] = None,
        repeats: Annotated[
            str | None,
            typer.Option(
                help='How often each is asked: 3, {"max":10,"stop":0.1}; whole rankings {"max":5,"keep":0.6}.'
            ),
        ] = None,
        strategy: Annotated[
            str | None, typer.Option(help="rank: auto, listwise, pairs, round-robin, pointwise, pointwise+pairs.")
        ] = None,
        principle: Annotated[
            str | None, typer.Option(help="all, per-principle, sample, or a principle's name.")
        ] = None,
        ties: Annotated[str | None, typer.Option(help="allow or forbid.")] = None,
        reading: Annotated[str | None, typer.Option(help="How a text answer is read, such as arena-hard.")] = None,
        combine: Annotated[
            str | None, typer.Option(help="mean-logit, mean-probability, vote, tie-on-disagreement, drop-inconsistent.")
        ] = None,
        panel: Annotated[
            str | None,
            typer.Option(help="mean-probability, mean-logit, majority, min, mean-minus-spread, lexicographic."),
        ] = None,
        escalate: Annotated[str | None, typer.Option(help='Ask again where unsure: {"to":"cot","below":0.8}.')] = None,
        truncate: Annotated[str | None, typer.Option(help='never, or {"candidate_tokens":4000}.')] = None,
        candidate_reasoning: Annotated[str | None, typer.Option(help="hide or show candidates' thoughts.")] = None,
        temperature: Annotated[float | None, typer.Option(help="Of explanations.")] = None,
        max_tokens: Annotated[int | None, typer.Option(help="Of explanations.")] = None,
        reask: Annotated[int | None, typer.Option(help="How often an unreadable answer is asked again.")] = None,
        seed: Annotated[int | None, typer.Option(help="Of every draw.")] = None,
        timeout: Annotated[float | None, typer.Option(help="Seconds per case.")] = None,
        card: Annotated[
            str | None, typer.Option(help="Versions of the judge's card to go by, or none. [default: as it is now]")
        ] = None,
        priority: Annotated[str | None, typer.Option(help="online or batch.")] = None,
        cache: Annotated[str | None, typer.Option(help="use, refresh, bypass or only.")] = None,
        include: Annotated[list[str], typer.Option(help="votes, case, prompts, raw.")] = [],  # noqa: B006
        no_cache: NoCache = False,
        concurrency: Annotated[int | None, typer.Option(help="Judge calls in flight. [default: 256]")] = None,
        field: Annotated[list[str], typer.Option(help="FIELD=COLUMN, such as prompt=query.")] = [],  # noqa: B006
        shard: Annotated[str, typer.Option(help="i/n: only this share of the prompts.")] = "",
        limit: Annotated[int | None, typer.Option(help="At most so many rows.")] = None,
        retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Judge again what was not judged.")] = False,
        overwrite: Annotated[bool, typer.Option("--overwrite", help="Start the output anew.")] = False,
        ordered: Annotated[
            bool, typer.Option("--ordered", help="Judgments in the order of IN; a file is put in order at the end.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = False,
        stop_if: Annotated[str, typer.Option(help="End after 1,000 cases if, for example, unscored>2%,flip>60%.")] = "",
        drain_on: Annotated[
            str, typer.Option(help="Signals on which cases under way are finished and it exits 75: SIGUSR1,SIGTERM.")
        ] = "",
        drain_seconds: Annotated[float, typer.Option(min=0, help="So long cases under way may take then.")] = 20.0,
        ray: Annotated[bool, typer.Option("--ray", help="Judge on the workers of a Ray cluster.")] = False,
        ray_workers: Annotated[int | None, typer.Option(min=1, help="How many. [default: the cluster's CPUs]")] = None,
        ray_address: Annotated[
            str, typer.Option(help="The cluster's address. [default: RAY_ADDRESS, or a cluster on this machine]")
        ] = "",
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
        json_: Annotated[bool, typer.Option("--json", help="One case: print the judgment as JSON.")] = False,
    ) -> None:
        told: dict[str, Any] = {
            "rubric": rubric, "judge": judge, "method": method, "orders": orders, "repeats": repeats,
            "strategy": strategy, "principle": principle, "ties": ties, "reading": reading, "combine": combine,
            "panel": panel, "escalate": escalate, "truncate": truncate, "candidate_reasoning": candidate_reasoning,
            "temperature": temperature, "max_tokens": max_tokens, "reask": reask, "seed": seed, "timeout": timeout,
            "card": card, "priority": priority, "cache": "bypass" if no_cache else cache, "include": include,
        }  # fmt: skip
        options = plain_options(told)
        which = WhichJudge(judge_url, model, judge_key_env, offline, concurrency)
        one = OneCase(prompt, a, b, response, tuple(candidate), reference, context)
        if source and one.given:
            raise InvalidOption("give a file or one case, not both", "prompt")
        if (ray_workers is not None or ray_address) and not ray:
            raise InvalidOption("--ray-workers and --ray-address go with --ray", "ray")
        if one.given and ratings:
            raise InvalidOption("--ratings goes with a file of cases", "ratings")
        if one.given:
            run_interruptibly(judge_one(task, one.row(task), options, which, config, wait_judge, json_, server))
            return
        if not source:
            raise InvalidOption("give a file of cases, or one case with --prompt", "IN")
        flags = BatchFlags(
            source, output, tuple(field), shard, limit, retry_failed, overwrite, dry_run, stop_if, quiet, server,
            drain_on, drain_seconds, ordered, RayFlags(ray_workers, ray_address) if ray else None,
        )  # fmt: skip
        raise typer.Exit(run_interruptibly(run_rated(task, options, which, config, wait_judge, flags, ratings)))

    return command
