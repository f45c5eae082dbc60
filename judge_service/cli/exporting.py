"""export: stored judgments as the files that trainers and evaluations read."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.stored import Stored
from judge_service.batch.texts import texts_from
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidOption, RunRefused
from judge_service.exports import FORMATS
from judge_service.exports.card import Seen, card
from judge_service.exports.export import Export, Survey, Tally
from judge_service.exports.formats import Grouped, Paired
from judge_service.exports.loading import File, how_to_load
from judge_service.exports.paired import TEXTS, Writing
from judge_service.exports.policy import INCONSISTENT, PAIRINGS, TIES, Pairing, Policy, Ties
from judge_service.files.disk import STANDARD, check_output, replace_whole
from judge_service.files.packing import check_writable, write_lines
from judge_service.files.sources import inputs_of

T = TypeVar("T", bound=str)


def export(
    sources: Annotated[list[str], typer.Argument(metavar="IN…", help="Files of judgments, or patterns.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A .jsonl or .json file, .gz or .zst behind it, or .parquet; - for standard output.",
        ),
    ],
    format_name: Annotated[str, typer.Option("--format", metavar="NAME", help=f"One of {', '.join(FORMATS)}.")],
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The file that was judged: judgments hold no texts of their own.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file, as when it was judged.")] = [],  # noqa: B006
    pairs: Annotated[str, typer.Option(help=f"Which pairs of several answers: {', '.join(PAIRINGS)}.")] = "",
    margin: Annotated[
        float, typer.Option(min=0.0, help="The least difference: in logits, or in shares of the scale for scores.")
    ] = 0.0,
    ties: Annotated[
        str,
        typer.Option(
            help="drop them, both ways round, or soft: one row that says it is a tie. Pairs drop them if not told; "
            "soft labels, lists and alpaca-eval keep them."
        ),
    ] = "",
    inconsistent: Annotated[
        str,
        typer.Option(
            help="keep or drop pairs whose two orders name different winners, or weight them: a column, |2p - 1| for "
            "these and 1 for others. auto keeps those read from probabilities, whose mean has the bias taken off, and "
            "drops those read from text."
        ),
    ] = "auto",
    min_kendall_w: Annotated[
        float | None, typer.Option(help="The least agreement of a ranking's repeats; what has none is left out.")
    ] = None,
    one_per_prompt: Annotated[
        bool, typer.Option("--one-per-prompt", help="Of each prompt the pair with the widest margin only.")
    ] = False,
    with_dropped: Annotated[bool, typer.Option("--with-dropped", help="Export what a filter dropped, too.")] = False,
    temperature: Annotated[
        float | None, typer.Option(help="Of soft and mmpo: sigmoid(margin / temperature); 1 if not told.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Of stepwise: a step is right from this share of the scale on; 0.5."),
    ] = None,
    shape: Annotated[
        str,
        typer.Option(
            "--texts",
            help="text or messages: prompts and answers, where a format has both; auto is messages if any are.",
        ),
    ] = "auto",
    provenance: Annotated[
        bool, typer.Option("--provenance", help="A column that says who judged, by what, and how surely.")
    ] = False,
    card_file: Annotated[str, typer.Option("--card", metavar="FILE", help="Write a data card (Markdown).")] = "",
    allow_offline: Annotated[
        bool, typer.Option("--allow-offline", help="Export verdicts of the built-in offline judge: no labels.")
    ] = False,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary.")] = False,
) -> None:
    """Write judgments as a training or evaluation file; only what was judged, and the summary says what was not."""
    if format_name not in FORMATS:
        raise InvalidOption(f"--format is one of {', '.join(FORMATS)}; got {format_name!r}", "format")
    format_ = FORMATS[format_name]
    writing = _writing(format_, temperature, threshold, shape)
    policy = Policy(
        _pairing(pairs, format_, format_name),
        margin,
        _treated(ties, format_, format_name),
        _one_of(inconsistent, INCONSISTENT, "inconsistent"),
        min_kendall_w,
        with_dropped,
        one_per_prompt,
    )
    files = outputs_of(sources)
    _check_outputs(output, card_file, [*files, *inputs_of([cases] if cases else [])])
    stored = _Labels(Stored(files, allow_mixed), allow_offline)
    tally, seen = Tally(), Seen()
    with texts_from(cases, parse_fields(field)) as texts:
        plan = Export(format_, policy, writing, texts.case_of, provenance, seen_unit=seen.unit)
        plan = _surveyed(plan, stored)
        rows = plan.rows(stored.noted(seen), tally)
        write_lines(output, (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows), "rows")
    if card_file:
        how = {"format": format_name, **_used(plan), **_told(policy)}
        command = shlex.join(["judge-service", *sys.argv[1:]])
        title, loading = f"Data card of {Path(output).name}", _loading(output, format_name, plan)
        replace_whole(Path(card_file), [card(seen, tally, title, command, how, loading).encode()])
    if not quiet:
        print("\n".join([_summary(tally, format_name), *stored.stored.told]), file=sys.stderr)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The judgments of all files, as far as they may be exported."""

    stored: Stored
    allow_offline: bool

    def judgments(self) -> Iterator[Judgment]:
        """One after the other, from the start each time."""
        for where, judgment in self.stored.judgments():
            told = judgment.provenance
            if not self.allow_offline and told is not None and any(judge.kind == "offline" for judge in told.judges):
                raise RunRefused(f"{where} is by the built-in offline judge, which makes no labels (--allow-offline)")
            yield judgment

    def noted(self, seen: Seen) -> Iterator[Judgment]:
        """The same, noted for the card."""
        for judgment in self.judgments():
            seen.judgment(judgment)
            yield judgment


def _surveyed(plan: Export, stored: _Labels) -> Export:
    """The export with what can only be known of all judgments together."""
    alone = plan.policy.one_per_prompt
    survey = Survey().look_at(plan.units(stored.judgments(), Tally()), alone)
    return replace(plan, writing=plan.writing.settled(survey.talk), best=survey.best if alone else None)


def _writing(format_: Paired | Grouped, temperature: float | None, threshold: float | None, shape: str) -> Writing:
    told = {"temperature": temperature, "threshold": threshold}
    for name, value in told.items():
        if value is not None and name not in format_.takes:
            able = ", ".join(own for own, other in FORMATS.items() if name in other.takes)
            raise InvalidOption(f"--{name} goes with --format {able}", name)
    if temperature is not None and not 0.0 < temperature < math.inf:
        raise InvalidOption("--temperature is more than 0", "temperature")
    return Writing(
        temperature=temperature or 1.0,
        texts=_one_of(shape, TEXTS, "texts"),
        threshold=0.5 if threshold is None else threshold,
    )


def _used(plan: Export) -> dict[str, str]:
    """What was asked of the writing and means something to the format."""
    writing = plan.writing
    told = {"temperature": writing.temperature, "threshold": writing.threshold}
    named = {name: f"{told[name]:g}" for name in plan.format.takes}
    return {"texts": "messages" if writing.talk else "text", **named}


def _loading(output: str, format_name: str, plan: Export) -> str:
    return how_to_load(format_name, File(Path(output).name, plan.writing.talk)) if output != STANDARD else ""


def _one_of(told: str, known: Sequence[T], flag: str) -> T:
    for name in known:
        if name == told:
            return name
    raise InvalidOption(f"--{flag} is one of {', '.join(known)}; got {told!r}", flag)


def _pairing(told: str, format_: Paired | Grouped, name: str) -> Pairing:
    pairing = _one_of(told or "best-worst", PAIRINGS, "pairs")
    if told and isinstance(format_, Grouped):
        raise InvalidOption(f"--pairs goes with formats of pairs; {name} holds all answers to a prompt", "pairs")
    if isinstance(format_, Paired) and format_.best_worst_only and pairing != "best-worst":
        raise InvalidOption(f"{name} takes --pairs best-worst only: else one answer is both good and bad", "pairs")
    return pairing


def _treated(told: str, format_: Paired | Grouped, name: str) -> Ties:
    ties = _one_of(told, TIES, "ties") if told else format_.ties[0]
    if ties not in format_.ties:
        raise InvalidOption(f"{name} takes --ties {' or '.join(format_.ties)}; got {told!r}", "ties")
    return ties


def _check_outputs(output: str, card_file: str, inputs: Sequence[Path]) -> None:
    """No output takes the place of an input or of the other output."""
    check_writable(output, inputs)
    if card_file:
        check_output(card_file, [*inputs, output])


def _told(policy: Policy) -> dict[str, str]:
    return {name.replace("_", "-"): "none" if value is None else str(value) for name, value in vars(policy).items()}


def _summary(tally: Tally, name: str) -> str:
    """How many rows there are, and what was left out and why, in one line."""
    parts = [f"{tally.rows} rows ({name}) from {tally.exported} of {tally.judgments} judgments"]
    for what, reasons in tally.left_out.items():
        if reasons:
            told = ", ".join(f"{count} {why}" for why, count in reasons.most_common())
            parts.append(f"{what} left out: {told}")
    return "; ".join(parts)
