"""lm-eval (0.4): a task's `process_results` asks for a score as each document is done; and, sooner done, the samples it
logged as cases to be judged together afterwards:

    python -m judge_service.integrations.lm_eval samples_task_….jsonl -o cases.jsonl
    judge-service score cases.jsonl -o judgments.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from judge_service.errors import InvalidRequest, JudgeServiceError
from judge_service.integrations.worth import asked_at_once, client, field_of, number_in

Row = Mapping[str, Any]


def judged(
    prompt: str = "question",
    *,
    reference: str = "",
    baseline: str = "",
    name: str = "judge",
    base_url: str | None = None,
    **options: Any,
) -> Callable[[Row, Sequence[Any]], dict[str, float]]:
    """A function for `process_results: !function utils.process_results` of a task that generates.

    Args:
        prompt: the document's field with what was asked; `reference` with an answer that the judge is to see.
        baseline: the document's field with an answer that is to be beaten: the metric is then the probability that it
            is; empty: the score as a share of the rubric's scale.
        name: of the metric; where there is no verdict it is left out, and `NAME_scored` is 0.
        options: of the judgment, as in /v1/score.
    """

    def process_results(doc: Row, results: Sequence[Any]) -> dict[str, float]:
        """The metrics of a document, of the first answer to it."""
        response = _text(results[0])
        beaten = [field_of(doc, baseline, "the document")] if baseline else []
        case = {
            "prompt": field_of(doc, prompt, "the document"),
            "candidates": [response, *beaten],
            "reference": field_of(doc, reference, "the document") if reference else None,
        }
        judgment = asked_at_once(client(base_url), "compare" if beaten else "score", case, options)
        number = number_in(judgment)
        return {f"{name}_scored": float(number is not None)} | ({} if number is None else {name: number})

    return process_results


def cases_from(logged: Sequence[Iterable[Row]], prompt: str = "", reference: str = "") -> Iterator[dict[str, Any]]:
    """Cases from the samples of one run, for `score`, or of several on the same documents, for `compare` and `rank`.

    Args:
        logged: the rows of each run's file of samples, in the same order.
        prompt: the document's field with what was asked; empty: what the model was sent, few shots and all.

    Raises:
        InvalidRequest: the runs are on other documents.
    """
    for place, rows in enumerate(zip(*logged, strict=True)):
        if len({(row.get("doc_id"), row.get("doc_hash")) for row in rows}) > 1:
            raise InvalidRequest(f"sample {place + 1}: the files are on different documents")
        first = rows[0]
        case = {
            "id": f"{first['doc_id']}",
            "prompt": field_of(first["doc"], prompt, "the document") if prompt else _sent(first),
            "candidates": [{"id": f"m{i}", "content": _text(row["filtered_resps"][0])} for i, row in enumerate(rows)],
            "metadata": {"filter": first.get("filter"), "doc_hash": first.get("doc_hash")},
        }
        yield case | ({"reference": field_of(first["doc"], reference, "the document")} if reference else {})


def _sent(row: Row) -> Any:
    """What the model was sent, as samples are logged or as they are at hand in Python."""
    arguments = row["arguments"]
    return arguments["gen_args_0"]["arg_0"] if isinstance(arguments, Mapping) else arguments[0][0]


def _text(result: Any) -> str:
    """An answer, or the first of several repeats of it."""
    return result if isinstance(result, str) else _text(result[0])


def main(argv: Sequence[str] | None = None) -> int:
    """The program of this module: files of logged samples -> a file of cases."""
    parser = argparse.ArgumentParser(prog="python -m judge_service.integrations.lm_eval", description=__doc__)
    parser.add_argument("samples", nargs="+", type=Path, help="a file of logged samples; several to compare them")
    parser.add_argument("-o", "--output", type=Path, help="a .jsonl file of cases; standard output without")
    parser.add_argument("--prompt", default="", help="the document's field with what was asked")
    parser.add_argument("--reference", default="", help="the document's field with a good answer")
    told = parser.parse_args(argv)
    try:
        logged = [[json.loads(line) for line in path.read_text("utf-8").splitlines()] for path in told.samples]
        out = told.output.open("w", encoding="utf-8") if told.output else nullcontext(sys.stdout)
        with out as file:
            for case in cases_from(logged, told.prompt, told.reference):
                file.write(json.dumps(case, ensure_ascii=False) + "\n")
    except (OSError, ValueError, KeyError, JudgeServiceError) as error:
        parser.exit(2, f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
