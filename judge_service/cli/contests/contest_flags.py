"""What commands that set models against each other are told, each in one place."""

from __future__ import annotations

from typing import Annotated

import typer

Cluster = Annotated[
    str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
]
CasesFile = Annotated[str, typer.Option(metavar="FILE", help="Of judgments without texts: the file that was judged.")]
FieldColumns = Annotated[list[str], typer.Option(help="FIELD=COLUMN of it, or of outputs, such as prompt=query.")]
AllowMixed = Annotated[
    bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
]
Questions = Annotated[str, typer.Option(metavar="FILE", help="Of outputs that do not repeat them: question.jsonl.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Of outputs: leave out prompts that only one file answers.")
]
KeptIn = Annotated[
    str, typer.Option("--output", "-o", metavar="OUT", help="Of outputs: keep the judgments, and go on from them.")
]
Server = Annotated[str, typer.Option(help="A running judge-service to ask.")]
Concurrency = Annotated[int | None, typer.Option(help="Judge calls in flight. [default: 256]")]
RubricName = Annotated[str | None, typer.Option(help="An id, id@version, or a .toml file.")]
JudgeNames = Annotated[list[str], typer.Option(help="A configured judge; several are a panel.")]
Method = Annotated[str | None, typer.Option(help="auto, direct or cot.")]
Orders = Annotated[str | None, typer.Option(help="both, one, audited.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Judge again what was not judged.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Start OUT anew.")]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
