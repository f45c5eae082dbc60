"""Files of every kind come in and go out: faults told in place, written whole, gone on with, in order if wanted."""

import asyncio
import gzip
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from judge_server import JudgeServer, said
from programs import Ended, called, cases, ended, ran, read_rows, started, write_rows

from judge_service.errors import InvalidRequest
from judge_service.files.reading import rows_of

KINDS = ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json", "x.json.gz", "x.json.zst", "x.parquet"]
OFFLINE = ("--offline", "--quiet")
Call = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """A command, run in an empty folder."""

    def run(*argv: str) -> Ended:
        return called(capsys, monkeypatch, *argv)

    return run


def write_dataset(folder: Path, rows: list[Any], order: list[int] | None = None) -> None:
    """What `Dataset.save_to_disk` leaves, in two shards; with an order, as its first versions left a shuffled one."""
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist(rows)
    half = len(rows) // 2
    shards = {"data-00000-of-00002.arrow": table[:half], "data-00001-of-00002.arrow": table[half:]}
    state: dict[str, Any] = {"_data_files": [{"filename": name} for name in shards], "_fingerprint": "f"}
    if order is not None:
        shards["indices.arrow"] = pa.table({"indices": pa.array(order, pa.uint64())})
        state["_indices_data_files"] = [{"filename": "indices.arrow"}]
    for name, shard in shards.items():
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, shard.schema) as stream:
            stream.write_table(shard, max_chunksize=2)
    (folder / "state.json").write_bytes(orjson.dumps(state))
    (folder / "dataset_info.json").write_text('{"features": {}}')


def ids_in(told: str) -> list[str]:
    return [row.value["id"] for row in rows_of(told)]


@pytest.mark.parametrize("name", [*KINDS, "x.JSONL.GZ", "x.ndjson.gz", "x"])
def test_every_kind_of_file_is_read(call: Call, name: str) -> None:
    end = call("compare", write_rows(Path(name), cases(3)), *OFFLINE)
    assert (end.code, end.err) == (0, "")
    assert sorted(record["case_id"] for record in end.records) == ["c0", "c1", "c2"]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_written_and_resumed(call: Call, name: str) -> None:
    for count in (2, 3):
        end = call("compare", write_rows(Path("in.jsonl"), cases(count)), "-o", name, "--offline")
        assert end.code == 0
    assert "2 of them were finished before" in end.err
    assert sorted(record["case_id"] for record in read_rows(Path(name))) == ["c0", "c1", "c2"]
    before = Path(name).read_bytes()
    assert call("compare", "in.jsonl", "-o", name, *OFFLINE).code == 0
    assert Path(name).read_bytes() == before
    assert [path.name for path in Path().glob("x*")] == [name]


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.zst", "x.json", "x.parquet"])
async def test_a_run_that_was_killed_goes_on_in_every_kind(server: JudgeServer, name: str) -> None:
    source = write_rows(Path("in.jsonl"), cases(5))
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache", "--concurrency", "1", "--quiet")
    goes_on = asyncio.Event()
    server.next.extend([said("A")] * 4)
    server.rule = lambda asked: said("A", waits=goes_on)
    process = await started("compare", source, "-o", name, *judge)
    await server.asked_for(5)
    gathered = Path(name if name == "x.jsonl" else f"{name}.partial")
    async with asyncio.timeout(20):
        while gathered.read_bytes().count(b"\n") < 2:
            await asyncio.sleep(0.05)
    process.kill()
    await ended(process)
    goes_on.set()
    with gathered.open("ab") as lines:
        lines.write(b'{"object":"judgment","case_id":"c2","stat')
    before = server.calls
    assert (await ran("compare", source, "-o", name, *judge)).code == 0
    assert server.calls - before == 6
    assert sorted(record["case_id"] for record in read_rows(Path(name))) == [f"c{i}" for i in range(5)]
    assert [path.name for path in Path().glob("x*")] == [name]


@pytest.mark.parametrize("name", KINDS)
def test_every_reading_command_takes_every_kind_and_reads_exactly_what_was_written(call: Call, name: str) -> None:
    pairs = [{**row, "candidates": [f"{i} is prime, as shown", f"turtles {i}"]} for i, row in enumerate(cases(3))]
    source = write_rows(Path("in.jsonl"), [*pairs, {"id": "no", "prompt": "x"}])
    call("compare", source, "-o", "plain.jsonl", *OFFLINE)
    plain = read_rows(Path("plain.jsonl"))
    assert call("merge", "plain.jsonl", "-o", name).code == 0
    assert read_rows(Path(name)) == plain
    assert call("merge", name, "-o", "-").records == plain
    assert call("aggregate", name, "-o", "-").records == plain
    assert call("aggregate", name, "-o", f"again-{name}").code == 0
    assert read_rows(Path(f"again-{name}")) == plain
    status = orjson.loads(call("status", name, "--json", "--cases", source).out)
    assert (status["statuses"], status["left"]) == ({"judged": 3, "unscored": 1}, 0)
    assert orjson.loads(call("show", name, plain[1]["case_id"], "--json").out) == plain[1]
    assert len(orjson.loads(call("sample", name, "--json", "--cases", source).out)) == 4
    assert "4 cases in both" in call("diff", name, "plain.jsonl").out
    exported = ("--format", "kto", "--allow-offline", "--cases", source)
    rows = call("export", name, "-o", "-", *exported).records
    assert call("export", "plain.jsonl", "-o", f"rows-{name}", *exported).code == 0
    assert len(rows) == 6
    assert [row.value for row in rows_of(f"rows-{name}")] == rows


def test_a_table_of_judgments_has_columns_for_people_beside_the_whole_record(call: Call) -> None:
    rows = [{**row, "candidates": [*row["candidates"], "x"]} for row in cases(2)]
    sources = {"compare": cases(2), "rank": rows, "score": rows}
    tables = {}
    for task, given in sources.items():
        source = write_rows(Path(f"{task}.jsonl"), [*given, {"id": "bad"}])
        assert call(task, source, "-o", f"{task}.parquet", *OFFLINE, "--ordered").code == 3
        tables[task] = pq.read_table(f"{task}.parquet").to_pylist()
    for table in tables.values():
        for row in table:
            told = orjson.loads(row["judgment"])
            verdict = told["verdict"] or {}
            assert (row["case_id"], row["status"]) == (told["case_id"], told["status"])
            for name in ("winner", "probability", "logit", "consistent", "ranking"):
                assert row[name] == verdict.get(name)
        assert table[-1]["failure"] == "invalid"
        assert "prompt is missing" in table[-1]["failure_message"]
    assert tables["compare"][0]["winner"] is not None
    assert len(tables["rank"][0]["scores"]) == len(tables["score"][0]["scores"]) == 3
    scores = orjson.loads(tables["rank"][0]["judgment"])["verdict"]["scores"]
    assert tables["rank"][0]["scores"] == [scores[name] for name in tables["rank"][0]["candidates"]]


def test_a_folder_stands_for_all_files_in_it_that_can_be_read_in_the_order_of_their_names(call: Call) -> None:
    Path("shards/within").mkdir(parents=True)
    for number, name in enumerate(reversed(KINDS)):
        write_rows(Path("shards") / f"{number}-{name}", cases(2, 2 * number))
    for left_out in ("README.md", ".hidden.jsonl", "_SUCCESS", "dataset_info.json", "within/more.jsonl"):
        (Path("shards") / left_out).write_text('{"id": "x"}\n')
    assert ids_in("shards") == ids_in("shards/") == [f"c{i}" for i in range(14)]
    assert ids_in("shards/[1-2]-*") == ["c2", "c3", "c4", "c5"]
    assert [row.where for row in rows_of("sha*/[06]-x.*")] == [
        "shards/0-x.parquet row 1", "shards/0-x.parquet row 2", "shards/6-x.jsonl line 1", "shards/6-x.jsonl line 2",
    ]  # fmt: skip
    assert [row.where for row in rows_of("shards")][-3:] == [
        "5-x.jsonl.gz line 2", "6-x.jsonl line 1", "6-x.jsonl line 2",
    ]  # fmt: skip
    end = call("compare", "shards", "-o", "out.parquet", "--offline")
    assert end.code == 0
    assert len(read_rows(Path("out.parquet"))) == 14


def test_a_folder_with_nothing_to_read_and_a_pattern_for_nothing_are_told_in_one_line(call: Call) -> None:
    Path("empty/train").mkdir(parents=True)
    Path("empty/notes.txt").write_text("x")
    for told, why in (("empty", "no file in it is one of .jsonl"), ("empty", "there are folders in it: train"),
                      ("no*.jsonl", "no*.jsonl: no such file"), ("none.parquet", "no such file")):  # fmt: skip
        end = call("compare", told, *OFFLINE)
        assert end.code == 2
        assert why in end.err
        assert len(end.err.splitlines()) == 1


def test_a_dataset_on_disk_is_read_in_its_order(call: Call) -> None:
    write_dataset(Path("saved/train"), cases(5))
    write_dataset(Path("saved/test"), cases(5), order=[4, 0, 3])
    Path("saved/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert ids_in("saved/train") == [f"c{i}" for i in range(5)]
    assert [(row.where, row.value["id"]) for row in rows_of("saved/test")] == [
        ("test row 1", "c4"), ("test row 2", "c0"), ("test row 3", "c3"),
    ]  # fmt: skip
    assert call("compare", "saved/train", *OFFLINE).code == 0
    end = call("compare", "saved", *OFFLINE)
    assert end.code == 2
    assert "several splits: train, test; name one, such as saved/train" in end.err
    Path("saved/dataset_dict.json").write_text('{"splits": ["train"]}')
    assert ids_in("saved") == [f"c{i}" for i in range(5)]
    (Path("saved/train") / "data-00001-of-00002.arrow").unlink()
    end = call("compare", "saved/train", *OFFLINE)
    assert (end.code, len(end.err.splitlines())) == (2, 1)
    assert "data-00001-of-00002.arrow" in end.err


def test_both_formats_of_arrow_are_read(call: Call) -> None:
    table = pa.Table.from_pylist(cases(3))
    for name, writer in (("stream.arrow", pa.ipc.new_stream), ("file.arrow", pa.ipc.new_file)):
        with pa.OSFile(name, "wb") as file, writer(file, table.schema) as sink:
            sink.write_table(table)
        assert ids_in(name) == ["c0", "c1", "c2"]


@pytest.mark.parametrize("name", ["x.json", "x.json.gz", "x.json.zst"])
def test_a_fault_in_an_array_is_told_by_its_row_and_costs_no_other_row(call: Call, name: str) -> None:
    one, other = (orjson.dumps(row).decode() for row in cases(2))
    surrogate = '{"prompt": "\\ud800", "candidates": ["x", "y"]}'
    end = call("compare", write_rows(Path(name), [one, '{"prompt" "x"}', surrogate, other]), *OFFLINE)
    assert end.code == 3
    told = {record["case_id"]: record["failure"] for record in end.records}
    assert (told.pop("c0"), told.pop("c1")) == (None, None)
    broken, surrogate = sorted(failure["message"] for failure in told.values())
    assert broken.startswith(f"{name} row 2: not valid JSON: ")
    assert surrogate == f"{name} row 3: prompt holds a lone surrogate: that is no Unicode text"


def test_an_array_that_was_cut_off_keeps_the_rows_before_and_says_so(call: Call) -> None:
    write_rows(Path("x.json"), cases(3))
    Path("x.json").write_bytes(Path("x.json").read_bytes()[:-30])
    end = call("compare", "x.json", *OFFLINE)
    told = {record["case_id"]: record["failure"] for record in end.records}
    assert (end.code, told.pop("c0"), told.pop("c1")) == (3, None, None)
    assert told["x.json row 3"]["message"] == "x.json row 3: not valid JSON: the file ends before its array does"


def test_lines_and_a_lone_object_under_the_name_of_an_array_are_read(call: Call) -> None:
    one = orjson.dumps(cases(1)[0])
    lines = b"".join(orjson.dumps(row) + b"\n" for row in cases(2))
    for content, where in (
        (one, ["x.json row 1"]),
        (orjson.dumps(cases(1)[0], option=orjson.OPT_INDENT_2), ["x.json row 1"]),
        (b"\xef\xbb\xbf[\n" + one + b"\n]\n", ["x.json row 1"]),
        (b"\xef\xbb\xbf" + lines, ["x.json line 1", "x.json line 2"]),
        (b"\n\n" + lines, ["x.json line 3", "x.json line 4"]),
    ):
        Path("x.json").write_bytes(content)
        assert [row.where for row in rows_of("x.json")] == where
        assert ids_in("x.json") == ["c0", "c1"][: len(where)]
    Path("x.json").write_bytes(b'{"id": \n' + lines)
    assert [(row.where, row.error is None) for row in rows_of("x.json")] == [
        ("x.json line 1", False), ("x.json line 2", True), ("x.json line 3", True),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith((".gz", ".zst", ".parquet"))])
@pytest.mark.parametrize("harm", ["cut", "other bytes", "empty"])
def test_a_damaged_file_is_one_clear_line_and_never_just_fewer_rows(call: Call, name: str, harm: str) -> None:
    rows = [{**row, "note": orjson.dumps(list(range(i, 900))).decode()} for i, row in enumerate(cases(200))]
    path = Path(write_rows(Path(name), rows))
    content = path.read_bytes()
    harmed = {"cut": content[: len(content) // 2], "other bytes": b"none of these kinds\n" * 9, "empty": b""}[harm]
    path.write_bytes(harmed)
    if harm == "empty" and not name.endswith(".parquet"):
        assert list(rows_of(name)) == [] or next(rows_of(name)).error
        return
    with pytest.raises(InvalidRequest, match=name):
        list(rows_of(name))
    end = call("compare", name, *OFFLINE, "-o", "out.jsonl")
    assert end.code == 2
    assert "Traceback" not in end.err
    assert len(end.err.splitlines()) == 1
    call("merge", name, "-o", "merged.jsonl")
    assert not Path("merged.jsonl").exists()


def test_frames_and_members_one_after_the_other_are_all_read() -> None:
    lines = [orjson.dumps(row) + b"\n" for row in cases(6)]
    for name, pack in (("x.jsonl.zst", zstandard.compress), ("x.jsonl.gz", gzip.compress)):
        Path(name).write_bytes(b"".join(pack(line) for line in lines))
        assert ids_in(name) == [f"c{i}" for i in range(6)]


@pytest.mark.parametrize("name", KINDS)
def test_the_memory_it_takes_to_read_does_not_grow_with_the_file(name: str) -> None:
    rows = [{"id": str(i), "prompt": f"{i} \\ \n" + "word " * 400, "candidates": ["x", "y"]} for i in range(8000)]
    path = write_rows(Path(name), rows)
    del rows
    reading = iter(rows_of(path))
    next(reading)
    tables = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        for number, _ in enumerate(reading):
            if number % 500 == 0:
                assert pa.total_allocated_bytes() - tables < 6_000_000
        assert number == 7998
        # The rows are 17 MB as text.
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl.zst", "shards"])
def test_without_the_extra_one_line_says_what_to_install(
    call: Call, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = Path(name)
    if name == "shards":
        path.mkdir()
    write_rows(path / "x.parquet" if name == "shards" else path, cases(2))
    source = write_rows(Path("in.jsonl"), cases(2))
    for module in ("pyarrow", "zstandard"):
        monkeypatch.setitem(sys.modules, module, None)
    for module in ("tables", "zst", "table_writing", "column_values"):
        monkeypatch.delitem(sys.modules, f"judge_service.files.{module}", raising=False)
    told = [call("compare", name, *OFFLINE)]
    if name != "shards":
        path.unlink()
        told += [call("compare", source, "-o", name, *OFFLINE), call("merge", source, "-o", name)]
    for end in told:
        assert end.code == 2
        assert "x." in end.err
        assert "files need an extra: pip install 'judge-service[files]'" in end.err
        assert len(end.err.splitlines()) == 1
    assert call("compare", source, *OFFLINE).code == 0


@pytest.mark.parametrize(("source", "output"), [("in", "in/out.jsonl"), ("in/*.jsonl", "in/out.jsonl"),
                                                ("in", "in/a.jsonl"), ("in/*.jsonl", "in/a.jsonl")])  # fmt: skip
def test_an_output_that_would_be_input_the_next_time_is_refused(call: Call, source: str, output: str) -> None:
    Path("in").mkdir()
    write_rows(Path("in/a.jsonl"), cases(1))
    end = call("compare", source, "-o", output, *OFFLINE)
    assert end.code == 2
    assert "would overwrite the input" in end.err or "would lie among the input" in end.err
    assert [path.name for path in Path("in").iterdir()] == ["a.jsonl"]
    assert read_rows(Path("in/a.jsonl")) == cases(1)
    assert "files that are written are" in call("compare", source, "-o", "out.arrow", *OFFLINE).err


@pytest.mark.parametrize("name", ["-", "x.jsonl", "x.parquet"])
async def test_ordered_judgments_stand_in_the_order_of_the_rows(server: JudgeServer, name: str) -> None:
    late = asyncio.Event()
    server.rule = lambda asked: said("A", waits=late if "Task 3" in str(asked) else None)
    source = write_rows(Path("in.jsonl"), [*cases(12)[::-1], {"id": "bad"}, *cases(2), "{"])
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache", "--quiet", "--ordered")
    process = await started("compare", source, "-o", name, *judge)
    await server.asked_for(24)
    late.set()
    end = await ended(process)
    assert end.code == 3
    records = end.records if name == "-" else read_rows(Path(name))
    told = [f"c{i}" for i in range(11, -1, -1)]
    assert [record["case_id"] for record in records] == [*told, "bad", "in.jsonl line 16"]
    if name == "-":
        return
    more = write_rows(Path("in.jsonl"), [*cases(14), {"id": "bad"}])
    assert (await ran("compare", more, "-o", name, *judge)).code == 3
    told = [record["case_id"] for record in read_rows(Path(name))]
    assert told == [*(f"c{i}" for i in range(14)), "bad", "in.jsonl line 16"]
    assert [path.name for path in Path().glob("x*")] == [name]
