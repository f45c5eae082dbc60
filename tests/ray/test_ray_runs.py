"""A batch on Ray's workers is the batch it would have been without: one of them killed, the driver killed, or none."""

import asyncio
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from clusters import ON_RAY, comparing, lines_in, on, ran, rows_with_texts, said, workers_of
from programs import ended, read_rows, started, write_rows

from judge_service.emulator.server import Emulator

ROWS = 2000


async def test_a_run_with_a_worker_killed_says_what_shards_say_and_what_one_process_says(emulator: Emulator) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(ROWS))
    run = await started(*comparing(emulator, *ON_RAY, output="ray.jsonl"))
    before = await lines_in("ray.jsonl", ROWS // 10)
    workers = workers_of(run)
    assert len(workers) == 2
    workers[0].kill()
    end = await ended(run)
    assert end.code == 0, end.err
    assert f"{ROWS:,} cases in ray.jsonl: {ROWS:,} judged" in end.err
    assert before < ROWS, "the worker was killed too late"
    shards = [comparing(emulator, "--shard", f"{i}/2", output=f"part-{i}.jsonl") for i in (1, 2)]
    assert [end.code for end in await asyncio.gather(*(ran(*shard) for shard in shards))] == [0, 0]
    assert (await ran("merge", "part-1.jsonl", "part-2.jsonl", "-o", "merged.jsonl")).code == 0
    assert (await ran(*comparing(emulator, output="plain.jsonl"))).code == 0
    assert said("ray.jsonl") == said("merged.jsonl") == said("plain.jsonl")


async def test_a_killed_driver_leaves_no_worker_and_what_it_finished_is_not_asked_again(
    emulator: Emulator,
) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(400))
    command = comparing(emulator, *ON_RAY)
    run = await started(*command)
    await lines_in("out.jsonl", 100)
    workers = workers_of(run)
    run.kill()
    await run.wait()
    assert (await asyncio.to_thread(psutil.wait_procs, workers, timeout=60))[1] == []
    finished = Path("out.jsonl").read_bytes().count(b"\n")
    assert finished < 400, "the driver was killed too late"
    asked = emulator.stats["calls"]
    again = await ran(*command)
    assert again.code == 0, again.err
    assert f"{finished:,} of them were finished before and not judged again" in again.err
    assert f"{2 * (400 - finished):,} judge calls" in again.err
    # Besides the cases, driver and workers each ask who the judge is.
    assert 2 * (400 - finished) <= emulator.stats["calls"] - asked < 2 * (400 - finished) + 50
    assert len(said("out.jsonl")) == 400


@pytest.mark.parametrize(("name", "code", "told"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 75, "drained")])
async def test_a_run_that_is_told_to_end_keeps_what_is_finished_and_ends_without_a_word_of_ray(
    emulator: Emulator, name: str, code: int, told: str
) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(400))
    run = await started(*comparing(emulator, *ON_RAY, "--drain-on", "SIGTERM"))
    await lines_in("out.jsonl", 64)
    run.send_signal(getattr(signal, name))
    end = await ended(run)
    assert end.code == code, end.err
    assert f"{told}: " in end.err
    assert "Traceback" not in end.err
    assert 64 <= len(said("out.jsonl")) < 400


async def test_rows_that_are_no_case_or_stand_twice_are_told_as_without_ray(emulator: Emulator, cluster: str) -> None:
    rows = [*rows_with_texts(70)]
    bad = ["{no json", {"id": "half", "prompt": "p"}, {"id": "c1", "prompt": "other", "candidates": ["x", "y"]}]
    lacking = {"id": "blank", "prompt": "p", "candidates": ["x", ""]}
    write_rows(Path("in.jsonl"), [*rows, *bad, lacking, rows[3]])
    on_ray = await ran(*comparing(emulator, *on(cluster), output="ray.jsonl"))
    plain = await ran(*comparing(emulator, output="plain.jsonl"))
    assert (on_ray.code, plain.code) == (3, 3)
    assert said("ray.jsonl") == said("plain.jsonl")
    counted = [line for line in plain.err.splitlines() if "seconds" not in line and " in " not in line]
    assert [line for line in counted if line not in on_ray.err] == []
    again = await ran(*comparing(emulator, *on(cluster), output="ray.jsonl"))
    assert again.code == 3
    assert "0 judge calls" in again.err


async def test_a_run_that_is_not_the_outputs_is_refused_and_one_that_goes_wrong_is_stopped(
    emulator: Emulator, cluster: str
) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(1400))
    stopped = await ran(*comparing(emulator, *on(cluster), "--stop-if", "flip>1%"))
    assert stopped.code == 4, stopped.err
    assert "stopped after 1000 cases: flip is" in stopped.err
    kept = Path("out.jsonl").read_bytes()
    refused = await ran(*comparing(emulator, *on(cluster), "--seed", "5"))
    assert refused.code == 2
    assert "out.jsonl was made by another run: seed was 0, is 5" in refused.err
    assert Path("out.jsonl").read_bytes() == kept


async def test_workers_go_by_the_card_that_the_driver_goes_by(emulator: Emulator, cluster: str) -> None:
    write_rows(Path("taught.jsonl"), rows_with_texts(520))
    write_rows(Path("in.jsonl"), ({**row, "prompt": f"Other {row['id']}"} for row in rows_with_texts(200)))
    emulator.configure(latency_ms=0)
    which = ("--judge-url", emulator.url, "--model", "m", "--quiet")
    made = await ran("audit", "position", "taught.jsonl", *which, environ=cache_at("plain.db"))
    assert made.code == 0, made.err
    shutil.copy("plain.db", "ray.db")
    audited = ("--orders", "audited")
    plain = await ran(*comparing(emulator, *audited, output="plain.jsonl"), environ=cache_at("plain.db"))
    on_ray = await ran(*comparing(emulator, *audited, *on(cluster), output="ray.jsonl"), environ=cache_at("ray.db"))
    assert (plain.code, on_ray.code) == (0, 0), on_ray.err
    assert {row["provenance"]["card"] is None for row in read_rows(Path("ray.jsonl"))} == {False}
    assert said("ray.jsonl") == said("plain.jsonl")


def cache_at(name: str) -> dict[str, str]:
    return {"JUDGE_CACHE__URL": f"sqlite:///{Path(name).absolute()}"}


async def test_a_service_elsewhere_is_asked_by_workers_too(emulator: Emulator, cluster: str) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(40))
    serving = await started("serve", "--port", "0", "--judge-url", emulator.url, "--model", "m")
    try:
        assert serving.stderr is not None
        line = (await serving.stderr.readline()).decode()
        server = next(word for word in line.split() if word.startswith("http://"))
        end = await ran("compare", "in.jsonl", "-o", "ray.jsonl", "--server", server, *on(cluster))
        assert end.code == 0, end.err
        assert (await ran(*comparing(emulator, output="plain.jsonl"))).code == 0
        assert said("ray.jsonl") == said("plain.jsonl")
    finally:
        serving.terminate()
        await ended(serving)


async def test_a_cluster_that_is_not_there_is_one_line(emulator: Emulator) -> None:
    write_rows(Path("in.jsonl"), rows_with_texts(4))
    end = await ran(*comparing(emulator, *ON_RAY, "--ray-address", "127.0.0.1:1"))
    assert end.code == 2
    assert end.err.splitlines()[-1].startswith("judge-service: --ray: no cluster answers at 127.0.0.1:1: ")
