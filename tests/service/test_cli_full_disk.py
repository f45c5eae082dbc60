"""A disk that fills while a batch runs: one clear line, nothing torn, and the same command goes on once there is room.

Files may not grow beyond a limit here: a write stops in the middle of a line, as it does on a full disk, and everyone
may set such a limit. /dev/full stands for a full disk behind standard output.
"""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from programs import SECONDS, Ended, called, cases, read_rows, write_rows

from judge_service.batch.known import in_short
from judge_service.batch.ledger import Ledger
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
from judge_service.errors import RunRefused

PROGRAM = str(Path(sys.executable).with_name("judge-service"))
LIMITED = """
import os, resource, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""
CASES = 60
FULL = 40_000


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(Behaviour()) as emulator:
        yield emulator


async def compared(
    emulator: Emulator, output: str, *flags: str, most: int | None = None, stdout: Any = asyncio.subprocess.PIPE
) -> Ended:
    """The installed program on the cases of in.jsonl, its files limited to so many bytes."""
    judge = ("--judge-url", emulator.url, "--model", "emulator", "--method", "direct", "--concurrency", "4")
    limit = () if most is None else (sys.executable, "-c", LIMITED, str(most))
    process = await asyncio.create_subprocess_exec(
        *limit, PROGRAM, "compare", "in.jsonl", "-o", output, *judge, *flags,
        stdout=stdout, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, (out or b"").decode(), err.decode())


async def calls_of(emulator: Emulator, output: str) -> int:
    """How many calls a run costs that goes on with an output, and must come to its end."""
    emulator.reset()
    assert (await compared(emulator, output, "--no-cache")).code == 0
    return int(emulator.stats["calls"])


def verdicts(path: str) -> list[dict[str, Any]]:
    """The judgments without what is of one making alone."""
    rows = sorted(read_rows(Path(path)), key=lambda row: row["case_id"])
    return [{name: part for name, part in row.items() if name not in ("id", "created")} for row in rows]


def lines_of(output: str) -> Path:
    """Where the lines of an output are until it is finished."""
    return Path(output if output.endswith(".jsonl") else f"{output}.partial")


def check_refusal(end: Ended, path: Path) -> None:
    assert end.code == 2
    assert end.err.count("\n") == 1, end.err
    assert f"{path} cannot be written: File too large" in end.err
    assert "run the same command again" in end.err


@pytest.mark.parametrize("output", ["out.jsonl", "out.jsonl.gz"])
async def test_a_disk_that_fills_midway_costs_nothing_that_was_finished(emulator: Emulator, output: str) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    await compared(emulator, f"whole-{output}", "--no-cache")
    for _ in range(2):
        check_refusal(await compared(emulator, output, "--no-cache", most=FULL), lines_of(output))
        assert sorted(path.name for path in Path().glob("out*")) == [lines_of(output).name]
    content = lines_of(output).read_bytes()
    assert content.endswith(b"\n")
    finished = len(content.splitlines())
    assert 0 < finished < CASES
    resumed, nothing_to_do = [await calls_of(emulator, output) for _ in range(2)]
    assert resumed - nothing_to_do == 2 * (CASES - finished)
    assert verdicts(output) == verdicts(f"whole-{output}")


async def test_a_disk_too_full_to_make_the_output_keeps_its_lines(emulator: Emulator) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    await compared(emulator, "whole.json", "--no-cache")
    # The array is longer than its lines by a comma each.
    check_refusal(
        await compared(emulator, "out.json", "--no-cache", most=Path("whole.json").stat().st_size - CASES // 2),
        Path("out.json"),
    )
    assert [path.name for path in Path().glob("out*")] == ["out.json.partial"]
    made, nothing_to_do = [await calls_of(emulator, "out.json") for _ in range(2)]
    assert made == nothing_to_do
    assert verdicts("out.json") == verdicts("whole.json")


async def test_a_finished_output_that_has_no_room_to_be_gone_on_with_stays_as_it_is(emulator: Emulator) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    await compared(emulator, "out.jsonl.gz", "--no-cache")
    before = Path("out.jsonl.gz").read_bytes()
    write_rows(Path("in.jsonl"), cases(CASES + 5))
    check_refusal(await compared(emulator, "out.jsonl.gz", "--no-cache", most=FULL), lines_of("out.jsonl.gz"))
    assert Path("out.jsonl.gz").read_bytes() == before
    resumed, nothing_to_do = [await calls_of(emulator, "out.jsonl.gz") for _ in range(2)]
    assert resumed - nothing_to_do == 2 * 5
    assert len(verdicts("out.jsonl.gz")) == CASES + 5


@pytest.mark.parametrize(("output", "told"), [("-", "standard output"), ("/dev/full", "/dev/full")])
async def test_a_device_that_is_full_is_told_in_one_line(emulator: Emulator, output: str, told: str) -> None:
    write_rows(Path("in.jsonl"), cases(CASES))
    with Path("/dev/full").open("wb") as full:
        end = await compared(emulator, output, stdout=full)
    assert end.code == 2
    assert end.err.count("\n") == 1, end.err
    assert f"{told} cannot be written: No space left on device; make room" in end.err


@pytest.mark.parametrize(("most", "why"), [(1000, "cannot be opened"), (65_536, "cannot be written")])
async def test_a_cache_on_a_full_disk_costs_one_warning_and_no_judgment(
    emulator: Emulator, corner: Path, most: int, why: str
) -> None:
    write_rows(Path("in.jsonl"), cases(10 * CASES))
    end = await compared(emulator, "-", "--quiet", most=most)
    assert end.code == 0
    assert {row["status"] for row in end.records} == {"judged"}
    assert len(end.records) == 10 * CASES
    (warning,) = end.err.splitlines()
    assert f"the cache {corner}/cache.db {why}" in warning
    with_room = await compared(emulator, "-", "--quiet")
    assert (with_room.code, with_room.err) == (0, "")
    assert {row["case_id"]: row["verdict"] for row in with_room.records} == {
        row["case_id"]: row["verdict"] for row in end.records
    }
    emulator.reset()
    kept = await compared(emulator, "-", "--quiet")
    assert (kept.code, emulator.stats["calls"]) == (0, 0)


def test_a_file_system_that_finds_out_at_the_end_is_heard(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("compare", write_rows(Path("in.jsonl"), cases(3)), "-o", "out.jsonl", "--offline", "--quiet")
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", failing(errno.EDQUOT))
        end = called(capsys, monkeypatch, *command)
    assert (end.code, end.err.count("\n")) == (2, 1)
    assert "out.jsonl cannot be written: " in end.err
    assert "make room within the quota" in end.err
    assert called(capsys, monkeypatch, *command).code == 0
    assert len(read_rows(Path("out.jsonl"))) == 3


async def test_nothing_is_written_behind_a_line_that_could_not_be_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the torn line would stand in the middle, where no later run could mend it."""
    ledger = Ledger(Path("out.jsonl"))
    ledger.open(overwrite=False, retry_failed=False)
    await appended(ledger, "whole")
    write = os.write
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", lambda f, line: write(f, line[:7]) if len(line) > 60 else failing(errno.EIO)())
        broken.setattr(os, "ftruncate", failing(errno.EIO))
        with pytest.raises(RunRefused, match="see to the disk"):
            await appended(ledger, "torn", "later")
    with pytest.raises(RunRefused, match=r"out\.jsonl cannot be written"):
        await appended(ledger, "much later")
    ledger.close()
    assert not Path("out.jsonl").read_bytes().endswith(b"\n")
    finished = Ledger(Path("out.jsonl")).open(overwrite=False, retry_failed=False).digests
    assert (len(finished), finished.get("whole")) == (1, in_short("d"))


async def appended(ledger: Ledger, *names: str) -> None:
    """Records handed in, each in a turn of the event loop of its own."""
    for name in names:
        ledger.append({"object": "judgment", "case_id": name, "case_digest": "d", "status": "judged"})
        await asyncio.sleep(0)


def failing(number: int) -> Callable[..., Any]:
    """A system call that fails."""

    def fail(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail
