"""`judge-service`: assembles the commands and turns errors into one clear line and an exit code."""

from __future__ import annotations

import logging
import sys

import typer

from judge_service import __version__
from judge_service.cli import (
    aggregating,
    caching,
    differing,
    doctor,
    emulating,
    exporting,
    importing,
    judging,
    library,
    merging,
    parsing,
    sampling,
    serving,
    showing,
    standing,
    up,
)
from judge_service.cli.audits import auditing
from judge_service.cli.contests import leaderboard, verifying, win_rate
from judge_service.cli.people import agreement, routing
from judge_service.errors import InvalidRequest, JudgeServiceError

app = typer.Typer(
    name="judge-service",
    help="Compare, score and rank candidate responses with a language model as judge, its position bias removed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
judging.add_to(app)
app.command("serve")(serving.serve)
app.command("up")(up.up)
app.command("emulate")(emulating.emulate)
app.command("doctor")(doctor.doctor)
app.command("aggregate")(aggregating.aggregate)
app.command("export")(exporting.export)
app.command("import")(importing.import_)
app.command("parse")(parsing.parse)
app.command("show")(showing.show)
app.command("status")(standing.status)
app.command("sample")(sampling.sample)
app.command("diff")(differing.diff)
app.command("leaderboard")(leaderboard.leaderboard)
app.command("agreement")(agreement.agreement)
app.command("route")(routing.route)
app.command("merge")(merging.merge)
app.command("verify")(verifying.verify)
app.command("win-rate")(win_rate.win_rate_)
app.add_typer(auditing.app, name="audit")
app.add_typer(library.app, name="rubrics")
app.add_typer(caching.app, name="cache")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"judge-service {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)


def main() -> None:
    """The entry point: whatever the user can mend is one line on standard error and exit code 2."""
    try:
        app()
    except JudgeServiceError as e:
        param = e.param if isinstance(e, InvalidRequest) else None
        where = f" ({param})" if param and param not in e.message else ""
        print(f"judge-service: {e.message}{where}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone: head, less and the like.
        sys.stderr.close()
        sys.exit(0)
