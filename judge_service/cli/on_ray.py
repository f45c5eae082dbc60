"""--ray: how the workers of a cluster open what this process has opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from judge_service.batch.begun import Begun, going_by
from judge_service.batch.on_ray import RayRun, connected
from judge_service.batch.ray_actor import Opening
from judge_service.batch.runner import Run
from judge_service.cli.flags import WhichJudge
from judge_service.cli.opened import opened_judging
from judge_service.domain.options import Task
from judge_service.remote import RemoteSitting
from judge_service.settings import Settings, read_settings
from judge_service.sitting import Sitting

_MOST_CASES_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class RayFlags:
    """How the command line names a cluster: how many workers, and where it is."""

    workers: int | None
    address: str


@dataclass(frozen=True, slots=True)
class Workers:
    """Who carries a batch out: this process, or workers who are told what this process was told."""

    task: Task
    options: Mapping[str, Any]
    which: WhichJudge
    config: Path | None
    wait: float
    server: str

    @contextmanager
    def on(
        self, flags: RayFlags | None, judging: Sitting | RemoteSitting, begun: Begun | None
    ) -> Iterator[Callable[..., Run]]:
        """What makes the run, with the cluster it needs, if it needs one.

        Raises:
            InvalidConfiguration: there is no such cluster, or Ray is not installed.
        """
        if flags is None:
            yield Run
            return
        with connected(flags.address, flags.workers) as cluster:
            yield partial(RayRun, cluster=cluster, opening=self.opening(judging, begun))

    def opening(self, judging: Sitting | RemoteSitting, begun: Begun | None) -> Opening:
        """All go by the cards that this process goes by, and by its configuration: theirs may be another."""
        if isinstance(judging, Sitting):
            begun, digest = going_by(judging.provenance), judging.run_digest
        else:
            digest = ""
        which = replace(self.which, resolved=self._settings())
        opened = partial(opened_judging, self.task, self.options, which, None, self.wait, self.server, begun)
        return Opening(opened, digest, min(which.concurrency or 256, _MOST_CASES_AT_ONCE))

    def _settings(self) -> Settings:
        """This process's configuration. Keys stay where they are: a worker reads them from its own environment."""
        settings = read_settings(file=self.config) if self.server else self.which.settings(self.config)
        judges = {n: j.model_copy(update={"url": tuple(map(_from_here, j.url))}) for n, j in settings.judges.items()}
        rubrics = str(Path(settings.rubrics).absolute()) if settings.rubrics else ""
        return settings.model_copy(update={"judges": judges, "rubrics": rubrics, "api_keys": "", "api_keys_file": ""})


def _from_here(url: str) -> str:
    """A judge's address, or `@` and the file that lists some, by a path that holds wherever the worker runs."""
    return f"@{Path(url[1:]).absolute()}" if url.startswith("@") else url
