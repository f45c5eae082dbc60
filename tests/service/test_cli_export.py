"""export: from judgments to the files that trainers read, as the program does it."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer
from programs import called, ran

from judge_service.exports import FORMATS

TEXTS = [
    {"id": f"c{i}", "prompt": f"Name prime {i}.", "candidates": [f"{i} is prime, and so on", f"turtles {i}"]}
    for i in range(6)
]


def written(path: Path, rows: list[Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def stored(tmp_path: Path, *flags: str, task: str = "compare", rows: list[Any] = TEXTS) -> Path:
    """A file of judgments beside the file of cases, in.jsonl."""
    source = written(tmp_path / "in.jsonl", rows)
    out = tmp_path / "judged.jsonl"
    ended = await ran(task, str(source), "-o", str(out), "--offline", "--quiet", *flags)
    assert ended.code in (0, 3)
    return out


async def refused(*argv: str) -> str:
    """The one line with which a command is refused."""
    ended = await ran("export", *argv)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    return ended.err


@pytest.mark.parametrize("kept", [True, False])
async def test_texts_come_from_the_judgments_or_from_the_cases(tmp_path: Path, kept: bool) -> None:
    judged = await stored(tmp_path, *(["--include", "case"] if kept else []))
    out = tmp_path / "pairs.jsonl"
    told = [str(judged), "-o", str(out), "--format", "trl-preference", "--allow-offline"]
    ended = await ran("export", *told, *([] if kept else ["--cases", "in.jsonl"]))
    assert (ended.code, ended.err) == (0, "6 rows (trl-preference) from 6 of 6 judgments\n")
    winners = {r["case_id"]: r["verdict"]["winner"] for r in lines(judged)}
    chosen = {row["prompt"]: row["chosen"] for row in lines(out)}
    assert chosen == {row["prompt"]: row["candidates"]["ab".index(winners[row["id"]])] for row in TEXTS}


async def test_missing_or_other_texts_are_one_line_and_leave_no_file(tmp_path: Path) -> None:
    judged = await stored(tmp_path)
    out = tmp_path / "pairs.jsonl"
    told = [str(judged), "-o", str(out), "--format", "kto", "--allow-offline"]
    line = await refused(*told)
    assert "has no texts" in line
    assert "--cases FILE" in line
    some = written(tmp_path / "some.jsonl", TEXTS[:-1])
    assert "some.jsonl has no case 'c5'" in await refused(*told, "--cases", str(some))
    other = written(tmp_path / "other.jsonl", [{**row, "prompt": "Another."} for row in TEXTS])
    assert "has another text" in await refused(*told, "--cases", str(other))
    assert sorted(path.name for path in tmp_path.glob("pairs*")) == []


async def test_verdicts_of_the_offline_judge_are_no_labels(tmp_path: Path) -> None:
    judged = await stored(tmp_path)
    told = [str(judged), "-o", "pairs.jsonl", "--format", "kto", "--cases", "in.jsonl"]
    assert "--allow-offline" in await refused(*told)
    assert not (tmp_path / "pairs.jsonl").exists()


async def test_what_a_judge_could_not_settle_is_counted_and_never_exported(server: JudgeServer, tmp_path: Path) -> None:
    rows = [*TEXTS, {"id": "none", "prompt": "No candidates."}, {"id": "same", "prompt": "x", "candidates": ["7", "7"]}]
    source = written(tmp_path / "in.jsonl", rows)
    asked = ["--judge-url", server.url, "--model", "m", "--quiet"]
    assert (await ran("compare", str(source), "-o", "judged.jsonl", *asked)).code == 3
    ended = await ran("export", "judged.jsonl", "-o", "-", "--format", "trl-reward", "--cases", str(source))
    assert ended.code == 0
    assert {row["prompt"] for row in ended.records} <= {row["prompt"] for row in TEXTS}
    assert "of 8 judgments; judgments left out: 1 unscored (invalid); pairs left out: " in ended.err
    assert "1 the same text twice" in ended.err


@pytest.mark.parametrize("task", ["compare", "score", "rank"])
async def test_every_format_takes_every_kind_of_judgment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    rows = TEXTS if task == "compare" else [{**row, "candidates": [*row["candidates"], "7"]} for row in TEXTS]
    judged = await stored(tmp_path, task=task, rows=rows)
    for name in FORMATS:
        told = ["--format", name, "--allow-offline", "--cases", "in.jsonl", "--provenance"]
        out = tmp_path / f"{name}.jsonl"
        ended = called(capsys, monkeypatch, "export", str(judged), "-o", str(out), *told)
        assert ended.code == 0, ended.err
        found = lines(out)
        if name == "alpaca-eval" and task != "compare":
            assert "6 more than 2 answers" in ended.err
        elif name == "stepwise" and task != "score":
            assert found == []
            assert "it takes a scorecard" in ended.err
        else:
            assert len(found) == (12 if name == "kto" else 6)
        assert all(row["provenance"]["rubric"]["id"] == "helpfulness" for row in found)


async def test_outputs_are_whole_and_never_take_the_place_of_an_input(tmp_path: Path) -> None:
    judged = await stored(tmp_path)
    told = [str(judged), "--format", "alpaca-eval", "--allow-offline", "--cases", "in.jsonl"]
    before = judged.read_bytes()
    assert "overwrite the input" in await refused(*told, "-o", str(judged))
    assert "overwrite the input" in await refused(*told, "-o", "in.jsonl")
    assert "overwrite the input" in await refused(*told, "-o", "x.jsonl", "--card", str(judged))
    assert judged.read_bytes() == before
    for name in ("o.jsonl", "o.json", "o.jsonl.gz"):
        assert (await ran("export", *told, "-o", name)).code == 0
    rows = lines(tmp_path / "o.jsonl")
    assert orjson.loads((tmp_path / "o.json").read_bytes()) == rows
    assert gzip.decompress((tmp_path / "o.jsonl.gz").read_bytes()) == (tmp_path / "o.jsonl").read_bytes()


async def test_options_that_do_not_go_together_are_one_line(tmp_path: Path) -> None:
    judged = str(await stored(tmp_path))
    for flags, why in (
        (["--format", "dpo"], "--format is one of trl-preference"),
        (["--format", "kto", "--pairs", "all"], "both good and bad"),
        (["--format", "nectar", "--pairs", "all"], "--pairs goes with formats of pairs"),
        (["--format", "kto", "--ties", "both"], "kto takes --ties drop"),
        (["--format", "kto", "--temperature", "2"], "--temperature goes with --format soft, mmpo"),
        (["--format", "soft", "--temperature", "0"], "--temperature is more than 0"),
        (["--format", "grpo", "--threshold", "0.5"], "--threshold goes with --format stepwise"),
        (["--format", "kto", "--texts", "html"], "--texts is one of auto, text, messages"),
        (["--format", "kto", "--inconsistent", "maybe"], "--inconsistent is one of"),
    ):
        assert why in await refused(judged, "-o", "o.jsonl", *flags)


async def test_a_card_stands_beside_the_rows_and_is_the_same_again(tmp_path: Path) -> None:
    judged = await stored(tmp_path)
    told = [str(judged), "-o", "o.jsonl", "--format", "soft", "--temperature", "2", "--allow-offline"]
    pages = []
    for _ in range(2):
        assert (await ran("export", *told, "--cases", "in.jsonl", "--card", "CARD.md", "--quiet")).code == 0
        pages.append((tmp_path / "CARD.md").read_text() + (tmp_path / "o.jsonl").read_text())
    assert pages[0] == pages[1]
    rubric = lines(judged)[0]["provenance"]["rubric"]["digest"]
    for part in (rubric, "| judged | 6 |", "| rows | 6 |", "flip rate", "--format soft --temperature 2"):
        assert part in pages[0]
    for part in ("| texts | text |", "| temperature | 2 |", 'data_files="o.jsonl"'):
        assert part in pages[0]
    assert "not for labels" in pages[0]


async def test_files_of_two_rubrics_are_exported_together_only_on_purpose(tmp_path: Path) -> None:
    for rubric in ("helpfulness", "honesty"):
        (await stored(tmp_path, "--rubric", rubric)).rename(tmp_path / f"{rubric}.out")
    told = ["helpfulness.out", "honesty.out", "-o", "o.jsonl", "--format", "kto", "--allow-offline"]
    assert "--allow-mixed" in await refused(*told, "--cases", "in.jsonl")
    assert (await ran("export", *told, "--cases", "in.jsonl", "--allow-mixed", "--quiet")).code == 0
