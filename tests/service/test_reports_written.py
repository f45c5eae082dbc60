"""--report of the audits: written whole, in each form, with the numbers that --json prints."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import audited, judgment, written
from programs import ran, write_rows


def labelled(path: Path) -> str:
    """Pairs whose judge is too sure by a known factor."""
    rng = np.random.default_rng(0)
    logits = [float(z) for z in np.clip(4 * rng.normal(size=400), -6, 6)]
    people = ["a" if rng.random() < 1 / (1 + np.exp(-z / 3)) else "b" for z in logits]
    rows = [
        judgment(f"c{k}", z, metadata={"human": side}) for k, (z, side) in enumerate(zip(logits, people, strict=True))
    ]
    return written(path, rows)


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    rows = [
        {"id": f"c{k}", "prompt": f"Task {k}", "candidates": [f"{k} (worth 6)", "other (worth 5)"]} for k in range(30)
    ]
    return write_rows(tmp_path / "pairs.jsonl", rows)


def plots(report: Path) -> list[dict[str, Any]]:
    return [plot for section in json.loads(report.read_bytes())["sections"] for plot in section["plots"]]


def test_calibration_is_drawn_before_and_after(tmp_path: Path) -> None:
    source = labelled(tmp_path / "out.jsonl")
    for ending in ("json", "html", "md"):
        told = audited("calibration", source, "--label", "human", "--json", "--report", str(tmp_path / f"r.{ending}"))
        assert told.exit_code == 0, told.exception
    finding = json.loads(told.output)
    assert json.loads((tmp_path / "r.json").read_bytes())["numbers"] == finding
    before, after = plots(tmp_path / "r.json")
    for plot, quality in ((before, finding["before"]), (after, finding["after"])):
        bins = [[b["confidence"], b["accuracy"], b["labels"]] for b in quality["bins"] if b["labels"]]
        assert plot["object"] == "reliability"
        assert plot["bins"] == bins
    assert f"{finding['calibration']['temperature']:.2f}" in (tmp_path / "r.html").read_text()
    assert f"{finding['before']['ece']:.4f}" in (tmp_path / "r.md").read_text().replace("\\", "")


async def test_position_bias_is_drawn_pair_by_pair(tmp_path: Path, pairs: str) -> None:
    report = tmp_path / "new" / "r.json"
    ended = await ran("audit", "position", pairs, "--offline", "--json", "--quiet", "--report", str(report))
    assert ended.code == 0, ended.err
    card = json.loads(ended.out)
    assert json.loads(report.read_bytes())["numbers"] == {"cards": [card]}
    (scatter,) = plots(report)
    assert len(scatter["points"]) == card["pairs"] == 30
    assert np.mean([y for _, y in scatter["points"]]) == pytest.approx(card["position"]["bias"])


async def test_agreement_of_repeated_rankings_is_a_histogram(tmp_path: Path) -> None:
    rows = [
        {"id": f"r{k}", "prompt": f"Task {k}", "candidates": [f"{n} (worth {n + k % 3})" for n in range(4)]}
        for k in range(12)
    ]
    source, out = write_rows(tmp_path / "in.jsonl", rows), str(tmp_path / "out.jsonl")
    flags = ("--offline", "--strategy", "listwise", "--repeats", "3", "--quiet")
    assert (await ran("rank", source, "-o", out, *flags)).code == 0
    ended = await ran("audit", "rankings", out, "--json", "--report", str(tmp_path / "r.json"))
    assert ended.code == 0, ended.err
    assert json.loads((tmp_path / "r.json").read_bytes())["numbers"] == json.loads(ended.out)
    (histogram,) = plots(tmp_path / "r.json")
    assert sum(histogram["counts"]) == 12
    assert (histogram["edges"][0], histogram["edges"][-1]) == (0, 1)


@pytest.mark.parametrize("command", ["position", "calibration", "rankings"])
async def test_a_report_that_cannot_be_written_is_refused_before_anything_is_judged(
    tmp_path: Path, pairs: str, command: str
) -> None:
    ended = await ran("audit", command, pairs, "--report", str(tmp_path / "r.pdf"))
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "--report names a file that ends in .html, .md, .json" in ended.err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["pairs.jsonl"]
