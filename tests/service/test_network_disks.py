"""Outputs and caches on a file system that other machines write too."""

import fcntl
import os
import sqlite3
from pathlib import Path

import pytest
from programs import called, cases, read_rows, write_rows

from judge_service import disks
from judge_service.batch.locking import Lock
from judge_service.disks import network_file_system
from judge_service.errors import InvalidConfiguration, RunRefused

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
28 1 254:1 / / rw,relatime - ext4 /dev/vda rw
30 28 0:40 / /home rw,relatime shared:5 - nfs4 filer:/home rw,vers=4.2
31 30 254:2 / /home/me/scratch rw - xfs /dev/vdb rw
32 28 0:41 / /mnt/two\\040words rw - fuse.sshfs host: rw
33 28 0:42 / /lustre rw - lustre mds@tcp:/fs rw
34 28 0:43 / /lustre rw - tmpfs tmpfs rw
"""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that seems to lie on another machine, while temporary files do not."""
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 254:1 / / rw - ext4 /dev/vda rw\n2 1 0:40 / {far.resolve()} rw - nfs4 filer:/far rw\n")
    monkeypatch.setattr(disks, "MOUNTS", mounts)
    monkeypatch.setattr("tempfile.tempdir", str(near))
    return far


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/out.jsonl", "nfs4"),
        ("/home", "nfs4"),
        ("/homestead/out.jsonl", None),
        ("/home/me/scratch/out.jsonl", None),
        ("/mnt/two words/out.jsonl", "fuse.sshfs"),
        ("/lustre/out.jsonl", None),
        ("/var/out.jsonl", None),
    ],
)
def test_the_last_mount_on_the_way_to_a_file_tells_where_it_lies(tmp_path: Path, path: str, kind: str | None) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_file_system(Path(path), mounts) == kind


def test_where_nothing_is_told_of_mounts_nothing_is_known(tmp_path: Path) -> None:
    assert network_file_system(Path("/home"), tmp_path / "none") is None


def test_a_run_says_where_the_lock_of_its_output_is_and_keeps_others_out(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shared: Path,
) -> None:
    source = write_rows(Path("in.jsonl"), cases(3))
    command = ("compare", source, "-o", str(shared / "out.jsonl"), "--offline", "--quiet")
    assert called(capsys, monkeypatch, *command).code == 0
    (told,) = [r.message for r in caplog.records if "out.jsonl" in r.message]
    assert "lies on a network file system (nfs4): its lock is kept at " in told
    lock = next((shared.parent / "near").glob("judge-service-*/*-lock"))
    assert str(lock) in told
    before = (shared / "out.jsonl").read_bytes()
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused = called(capsys, monkeypatch, *command)
        assert refused.code == 2
        assert "another process is writing this output" in refused.err
    assert called(capsys, monkeypatch, *command).code == 0
    assert (shared / "out.jsonl").read_bytes() == before


def test_an_output_whose_file_system_has_no_locks_has_that_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    path = shared / "out.jsonl"
    path.touch()
    flock = fcntl.flock

    def without_locks(file: int, how: int) -> None:
        if os.path.samestat(os.fstat(file), path.stat()):
            raise OSError(37, os.strerror(37))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", without_locks)
    first, second = Lock(path), Lock(path)
    files = [os.open(path, os.O_RDWR) for _ in range(2)]
    first.take(files[0])
    with pytest.raises(RunRefused, match="another process is writing"):
        second.take(files[1])
    first.give_up()
    second.give_up()
    Lock(path).take(files[1])
    for file in files:
        os.close(file)


def test_the_cache_of_a_shared_home_is_kept_on_this_machine(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shared: Path,
) -> None:
    monkeypatch.setenv("JUDGE_CACHE__URL", f"sqlite:///{shared}/cache.db")
    source = write_rows(Path("in.jsonl"), cases(3))
    for _ in range(2):
        assert called(capsys, monkeypatch, "compare", source, "-o", "-", "--offline", "--quiet").code == 0
    told = [r.message for r in caplog.records if "the cache" in r.message]
    assert len(told) == 2
    local = next((shared.parent / "near").glob("judge-service-*/*-cache.db"))
    assert f"would lie on a network file system (nfs4): this machine keeps it at {local}" in told[0]
    assert not (shared / "cache.db").exists()
    with sqlite3.connect(local) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
    db.close()


def test_a_folder_that_somebody_else_made_is_not_trusted(monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    folder = shared.parent / "near" / f"judge-service-{os.getuid()}"
    folder.symlink_to(shared)
    with pytest.raises(InvalidConfiguration, match="belongs to somebody else"):
        disks.local_place(shared / "out.jsonl", "lock")


def test_what_is_written_is_the_file_that_others_see(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening an output and locking it, the one who held it may have put another file in its place."""
    source = write_rows(Path("in.jsonl"), cases(2))
    Path("out.jsonl").touch()
    flock, replaced = fcntl.flock, []

    def just_in_time(file: int, how: int) -> None:
        if not replaced:
            replaced.append(True)
            Path("new").touch()
            Path("new").replace("out.jsonl")
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", just_in_time)
    from judge_service.cli.app import app

    app(["compare", source, "-o", "out.jsonl", "--offline", "--quiet"], standalone_mode=False)
    assert replaced
    assert len(read_rows(Path("out.jsonl"))) == 2
