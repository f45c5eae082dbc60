"""A stand-in for Slurm: its commands as small programs on the PATH, and jobs run as Slurm would run them."""

import asyncio
import json
import os
import re
import stat
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SBATCH = """
import json, os, sys
jobs = os.environ["STAND_IN_JOBS"]
number = str(100 + len([name for name in os.listdir(jobs) if name.endswith(".json")]))
told = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:-1] if "=" in word)
job = {"script": sys.argv[-1], "told": told, "environ": dict(os.environ)}
with open(os.path.join(jobs, number + ".json"), "w") as file:
    json.dump(job, file)
print(number)
"""
_SRUN = """
import os, signal, subprocess, sys
words = [word for word in sys.argv[1:] if not word.startswith("--")]
tasks = [
    subprocess.Popen(words, env={**os.environ, "SLURM_PROCID": str(i), "SLURMD_NODENAME": "127.0.0.1"})
    for i in range(int(os.environ["SLURM_NTASKS"]))
]
signal.signal(signal.SIGTERM, lambda *_: [task.terminate() for task in tasks])
for task in tasks:
    task.wait()
"""
_SCONTROL = """
import os, sys
with open(os.path.join(os.environ["STAND_IN_JOBS"], "requeued"), "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
"""
_SCANCEL = """
import os, signal, sys
with open(os.path.join(os.environ["STAND_IN_JOBS"], sys.argv[1] + ".pid")) as file:
    os.kill(int(file.read()), signal.SIGTERM)
"""
_VLLM = """
import os, sys
told = dict(zip(sys.argv[3::1], sys.argv[4::1]))
emulator = ["-m", "judge_service", "emulate", "--port", told["--port"], "--model", sys.argv[2], "--latency-ms", "20"]
os.execv(sys.executable, [sys.executable, *emulator])
"""
_COMMANDS = {"sbatch": _SBATCH, "srun": _SRUN, "scontrol": _SCONTROL, "scancel": _SCANCEL, "vllm": _VLLM}
_OURS = 'import sys; from judge_service.cli.app import main; sys.argv[0] = "judge-service"; main()'


@dataclass(frozen=True)
class Job:
    """What was handed to sbatch."""

    number: str
    script: str
    told: Mapping[str, str]
    environ: Mapping[str, str]

    def directive(self, name: str) -> str:
        """An option, as given to sbatch, or else as the script has it."""
        found = re.search(rf"^#SBATCH --{name}=(\S+)", Path(self.script).read_text(), re.MULTILINE)
        return self.told.get(name) or (found[1] if found else "")


class Slurm:
    """Runs jobs of the scripts in the working directory."""

    def __init__(self, folder: Path) -> None:
        self.jobs = folder / "jobs"
        self._commands = folder / "bin"
        for made in (self.jobs, self._commands):
            made.mkdir()
        for name, text in {**_COMMANDS, "judge-service": _OURS}.items():
            program = self._commands / name
            program.write_text(f"#!{sys.executable}\n{text}")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.running: list[Process] = []

    @property
    def environ(self) -> dict[str, str]:
        """Where the commands are found."""
        path = f"{self._commands}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "STAND_IN_JOBS": str(self.jobs), "LOOK_SECONDS": "0.1"}

    def submitted(self) -> list[Job]:
        """All jobs, in the order in which they were submitted."""
        told = [(path.stem, json.loads(path.read_text())) for path in sorted(self.jobs.glob("*.json"))]
        return [Job(number, **job) for number, job in told]

    def requeued(self) -> list[str]:
        """What scontrol was told."""
        told = self.jobs / "requeued"
        return told.read_text().splitlines() if told.is_file() else []

    async def started(self, job: Job, **more: Any) -> Process:
        """The job's script as it begins."""
        nodes = int(job.directive("nodes") or 1) * int(job.directive("ntasks-per-node") or 1)
        own = {"SLURM_JOB_ID": job.number, "SLURM_NTASKS": str(nodes), **{n: str(value) for n, value in more.items()}}
        environ = {**job.environ, **own}
        process = await asyncio.create_subprocess_exec("bash", job.script, env=environ, stdin=DEVNULL)
        (self.jobs / f"{job.number}.pid").write_text(str(process.pid))
        self.running.append(process)
        return process

    async def task(self, job: Job, number: int) -> Process:
        """One task of an array."""
        first, last = map(int, job.directive("array").split("-"))
        told = {"SLURM_ARRAY_JOB_ID": job.number, "SLURM_ARRAY_TASK_COUNT": last - first + 1}
        return await self.started(job, SLURM_ARRAY_TASK_ID=number, **told)

    async def aclose(self) -> None:
        """Ends what still runs."""
        for process in self.running:
            if process.returncode is None:
                process.terminate()
            await process.wait()
