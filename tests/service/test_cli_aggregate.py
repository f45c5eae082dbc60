"""aggregate: the same votes, combined otherwise, without a judge."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer, said
from programs import ran
from services import judged, opened

from judge_service.batch.filters import filtered, parse_filters
from judge_service.domain.options import COMBINES, PANELS
from judge_service.domain.records import judgment_from
from judge_service.library import open_library
from judge_service.protocols.again import CannotSettle, settled_again

PAIR = {"prompt": "Name a prime number.", "candidates": ["7 (worth 1.2)", "8 (worth 1)"]}
STANDARDS = {standard.digest: standard for standard in open_library().standards.values()}


def rows(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("combine", COMBINES)
@pytest.mark.parametrize("asked", [{}, {"method": "cot"}, {"rubric": "general", "principle": "per-principle"}])
async def test_what_is_settled_again_is_what_would_have_been_settled(
    server: JudgeServer, combine: str, asked: dict[str, Any]
) -> None:
    async with opened(server) as service:
        first = await judged(service, PAIR, **asked)
        direct = await judged(service, PAIR, combine=combine, **asked)
    again = settled_again(judgment_from(first), combine, None, STANDARDS)
    whole = judgment_from(direct)
    assert (again.verdict, again.status, again.dropped_by) == (whole.verdict, whole.status, whole.dropped_by)


@pytest.mark.parametrize("panel", PANELS)
async def test_a_panel_is_reduced_again(server: JudgeServer, panel: str) -> None:
    judges = {name: {"url": server.url, "model": "m"} for name in ("one", "two")}
    async with opened(server, more={"judges": judges}) as service:
        first = await judged(service, PAIR, judge=["one", "two"])
        direct = judgment_from(await judged(service, PAIR, judge=["one", "two"], panel=panel))
    again = settled_again(judgment_from(first), None, panel, STANDARDS)
    assert (again.verdict, again.panel, again.status) == (direct.verdict, direct.panel, direct.status)


async def test_an_escalated_verdict_rests_on_the_dearer_votes_alone(server: JudgeServer) -> None:
    async with opened(server) as service:
        first = await judged(service, PAIR, escalate={"to": "cot", "below": 0.99})
    assert first["provenance"]["decided_by"] == "cot"
    again = settled_again(judgment_from(first), "vote", None, STANDARDS)
    assert again.verdict == settled_again(again, "vote", None, STANDARDS).verdict
    assert again.verdict.evidence == "text"


async def test_what_cannot_be_settled_says_why(server: JudgeServer) -> None:
    several = {"rubric": "general", "principle": "per-principle"}
    async with opened(server) as service:
        without_votes = judgment_from(await judged(service, PAIR, include=[]))
        identical = judgment_from(await judged(service, {**PAIR, "candidates": ["7", " 7"]}))
        by_principles = judgment_from(await judged(service, PAIR, **several))
    with pytest.raises(CannotSettle, match="votes were left out"):
        settled_again(without_votes, "vote", None, STANDARDS)
    with pytest.raises(CannotSettle, match="rubric general@1 is not at hand"):
        settled_again(by_principles, "vote", None, {})
    assert settled_again(identical, "vote", None, {}) == identical


async def test_a_file_is_aggregated_row_by_row_and_the_input_is_left_alone(tmp_path: Path) -> None:
    source, out = tmp_path / "out.jsonl", tmp_path / "anew.jsonl"
    pairs = [{"id": f"c{i}", **PAIR, "candidates": [f"{i} is prime", f"turtles {i}"]} for i in range(20)]
    (tmp_path / "in.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in pairs))
    assert (await ran("compare", str(tmp_path / "in.jsonl"), "-o", str(source), "--offline", "--quiet")).code == 0
    before = source.read_bytes()
    ended = await ran("aggregate", str(source), "-o", str(out), "--combine", "tie-on-disagreement")
    assert (ended.code, len(rows(out))) == (0, 20)
    assert [r["case_id"] for r in rows(out)] == [r["case_id"] for r in rows(source)]
    assert {r["verdict"]["combine"] for r in rows(out)} == {"tie-on-disagreement"}
    assert "20 judgments" in ended.err
    assert source.read_bytes() == before
    assert (await ran("aggregate", str(source), "-o", str(source), "--combine", "vote")).code == 2


async def test_a_filter_drops_what_does_not_meet_it_and_says_by_what(tmp_path: Path) -> None:
    lists = [{"id": f"c{i}", "prompt": "Name.", "candidates": ["7", f"{i} is", "turtles are"]} for i in range(4)]
    (tmp_path / "in.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in lists))
    out = tmp_path / "out.jsonl"
    how = ["--offline", "--strategy", "listwise", "--repeats", "4", "--quiet"]
    assert (await ran("rank", str(tmp_path / "in.jsonl"), "-o", str(out), *how)).code == 0
    anew = tmp_path / "anew.jsonl"
    assert (await ran("aggregate", str(out), "-o", str(anew), "--filter", "kendall-w>=0.99")).code == 0
    for before, after in zip(rows(out), rows(anew), strict=True):
        low = before["verdict"]["kendall_w"] < 0.99
        assert (after["status"], after["dropped_by"]) == (("dropped", "kendall-w>=0.99") if low else ("judged", None))
        assert after["verdict"] == before["verdict"]


async def test_files_of_two_runs_are_mixed_only_on_purpose(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(orjson.dumps({"id": "c", **PAIR}) + b"\n")
    for rubric in ("helpfulness", "honesty"):
        told = ["-o", str(tmp_path / f"{rubric}.jsonl"), "--rubric", rubric, "--offline", "--quiet"]
        assert (await ran("compare", str(tmp_path / "in.jsonl"), *told)).code == 0
    both = [str(tmp_path / "h*.jsonl"), "-o", str(tmp_path / "anew.jsonl"), "--combine", "vote"]
    ended = await ran("aggregate", *both)
    assert ended.code == 2
    assert "rubric" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert (await ran("aggregate", *both, "--allow-mixed")).code == 0
    assert len(rows(tmp_path / "anew.jsonl")) == 2


async def test_only_judged_rows_are_filtered(server: JudgeServer) -> None:
    server.rule = lambda asked: said("nothing to say")
    async with opened(server) as service:
        unscored = judgment_from(await judged(service, PAIR, method="cot"))
    assert filtered(unscored, parse_filters("certainty>=0.9")) == unscored
