"""Which folders lie on a file system that other machines write too, and where this machine keeps what must not."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from judge_service.errors import InvalidConfiguration

MOUNTS: Final = Path("/proc/self/mountinfo")
_SHARED: Final = frozenset(
    (
        *("afs", "beegfs", "ceph", "cifs", "coda", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "weka", "wekafs"),
    )
)
_OVER_A_NETWORK: Final = re.compile(
    r"fuse\.(sshfs|s3fs|gcsfuse|goofys|rclone|juicefs|ceph-fuse|glusterfs|weka|alluxio.*|mount-s3|blobfuse2?)"
)


def network_file_system(path: Path, mounts: Path | None = None) -> str | None:
    """The kind of network file system that a path lies on; None where it lies on a disk of this machine.

    Args:
        path: it need not exist.
        mounts: what is mounted where, as Linux tells it (proc(5), mountinfo); elsewhere nothing is known of it.
    """
    try:
        told = (mounts or MOUNTS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    whole = path.expanduser().absolute()
    resolved = str(whole.parent.resolve() / whole.name)
    best, kind = -1, ""
    for line in told.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = fields[4].encode().decode("unicode_escape")
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        # Of two that are mounted at one place the later one is seen.
        if inside and len(point) >= best:
            best, kind = len(point), right.split(" ")[0]
    return kind if kind in _SHARED or _OVER_A_NETWORK.fullmatch(kind) else None


def local_place(path: Path, name: str) -> Path:
    """Where this machine keeps something for a path that lies on a network file system.

    Args:
        name: what it is called, behind a name that stands for the path.

    Raises:
        InvalidConfiguration: somebody else owns the folder for it.
    """
    folder = Path(tempfile.gettempdir()) / f"judge-service-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise InvalidConfiguration(
            f"{folder} belongs to somebody else; name another folder for temporary files (TMPDIR)"
        )
    return folder / f"{sha256(os.fsencode(path.expanduser().absolute())).hexdigest()[:16]}-{name}"
