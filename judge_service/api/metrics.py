"""Numbers for Prometheus: what is asked of the service, and how good its judges' answers are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from judge_service.deciding import Decided
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Usage, Vote

M = TypeVar("M", Counter, Histogram)
_QUOTA = ("measure", "per")
_MASSES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_LOGITS = (-4.0, -2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """One registry of its own, so that two services in one process do not meet in a global."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, several: bool = False) -> None:
        self._several = several
        self._children: dict[tuple[object, ...], object] = {}
        self._replicas: dict[str, list[str]] = {}
        self.registry = registry = CollectorRegistry()
        self._requests = Counter("judge_requests", "HTTP requests", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "judge_request_seconds", "Time to answer", ["path"], registry=registry, buckets=_SECONDS
        )
        self._judgments = Counter("judge_judgments", "Judgments made", ["kind", "status"], registry=registry)
        self._failures = Counter("judge_failures", "Votes that failed", ["kind"], registry=registry)
        self._calls = Counter("judge_calls", "Calls of judges", registry=registry)
        self._hits = Counter("judge_cache_hits", "Answers taken from the cache", registry=registry)
        self._tokens = Counter("judge_tokens", "Tokens as judges count them", ["kind"], registry=registry)
        self._pairs = Counter("judge_pairs_in_both_orders", "Pairs judged in both orders", registry=registry)
        self._flips = Counter("judge_order_flips", "Pairs whose orders name different winners", registry=registry)
        self._ties = Counter("judge_ties", "Pairs that ended in a tie", registry=registry)
        self._mass = Histogram(
            "judge_label_mass", "Probability on the labels", ["judge"], registry=registry, buckets=_MASSES
        )
        self._bias = Histogram(
            "judge_position_bias_logits", "Lean to the first-shown", ["judge"], registry=registry, buckets=_LOGITS
        )
        self._votes = Counter("judge_votes", "Votes, usable or not", ["judge"], registry=registry)
        self._epoch = Gauge(
            "judge_epoch", "Goes up when the judge changes", ["judge"], registry=registry, multiprocess_mode="max"
        )
        self._drifts = Gauge(
            "judge_position_drifts",
            "How often the position bias left its estimate",
            ["judge"],
            registry=registry,
            multiprocess_mode="sum",
        )
        self._cache_faults = Gauge(
            "judge_cache_faults", "Failures of the cache", ["kind"], registry=registry, multiprocess_mode="sum"
        )
        self._limits = Gauge(
            "judge_call_limit",
            "Calls a replica is sent at a time",
            ["judge", "replica"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._in_flight = Gauge(
            "judge_calls_in_flight",
            "Calls that a replica is answering",
            ["judge", "replica"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._waiting = Gauge(
            "judge_cases_waiting", "Cases in the queue", registry=registry, multiprocess_mode="livesum"
        )
        self._shed = Counter("judge_shed", "Requests turned away for load", ["reason"], registry=registry)
        self._queued = Histogram(
            "judge_queue_seconds", "Wait for a place, of cases that waited", registry=registry, buckets=_SECONDS
        )

        self._quota_refusals = Counter(
            "judge_quota_refusals", "Requests refused for a used-up quota", ["key", *_QUOTA], registry=registry
        )
        self._quota_left = Gauge(
            "judge_quota_remaining",
            "What a key may still use, as it was last seen",
            ["key", *_QUOTA],
            registry=registry,
            multiprocess_mode="min",
        )
        self._quota_faults = Gauge(
            "judge_quota_faults", "Failures of the quotas' Redis", ["kind"], registry=registry, multiprocess_mode="sum"
        )

        self._cohorts = Counter("judge_cohorts", "Cohorts that were ranked, or were alone", ["end"], registry=registry)
        self._late = Counter("judge_cohort_late_members", "Members ranked after their cohort", registry=registry)
        self._gathered = Histogram(
            "judge_cohort_wait_seconds", "From a member's arrival to its answer", registry=registry, buckets=_SECONDS
        )
        self._open_cohorts = Gauge(
            "judge_cohorts_open", "Prompts that callers wait for", registry=registry, multiprocess_mode="livesum"
        )

    def _of(self, metric: M, *labels: str) -> M:
        """The child of a metric with these labels, looked up once."""
        key = (id(metric), *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return cast(M, child)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Counts one HTTP request."""
        self._of(self._requests, path, str(status)).inc()
        self._of(self._seconds, path).observe(seconds)

    def judgment(self, judgment: Judgment) -> None:
        """Counts one judgment."""
        self._of(self._judgments, judgment.kind, judgment.status).inc()
        self._spent(judgment.usage)
        for judge, votes in groupby(judgment.votes, _judge_of):
            self._of_one_judge(judge, list(votes))
        if isinstance(judgment.verdict, Preference) and judgment.status == "judged":
            self._preference(judgment.verdict, judgment.votes[0].judge if judgment.votes else "")

    def _spent(self, usage: Usage) -> None:
        _add(self._calls, usage.judge_calls)
        _add(self._hits, usage.cache_hits)
        if usage.prompt_tokens:
            self._of(self._tokens, "prompt").inc(usage.prompt_tokens)
            self._of(self._tokens, "completion").inc(usage.completion_tokens)

    def decided(self, found: Decided) -> None:
        """Counts the questions of one inquiry, each as a judgment of its kind."""
        for answer in found.answers:
            self._of(self._judgments, answer.question.type, "unscored" if answer.failure else "judged").inc()
            self._of(self._votes, found.judge.name).inc(len(answer.votes))
            if answer.failure is not None:
                self._of(self._failures, answer.failure.kind).inc()
            if answer.label_mass is not None:
                self._of(self._mass, found.judge.name).observe(answer.label_mass)
        self._spent(found.usage)

    def shed(self, reason: str) -> None:
        """Counts a request that was turned away so that others are answered in time."""
        self._of(self._shed, reason).inc()

    def waited(self, seconds: float) -> None:
        """Counts a case that had to wait for a place."""
        self._queued.observe(seconds)

    def quota_refused(self, key: str, measure: str, span: str) -> None:
        """Counts a request that was refused because its key has used up an allowance."""
        self._of(self._quota_refusals, key, measure, span).inc()

    def quota_left(self, key: str, measure: str, span: str, left: float) -> None:
        """What a key has left of an allowance."""
        self._quota_left.labels(key, measure, span).set(left)

    def quota_faults(self, faults: Mapping[str, int]) -> None:
        """How often the place failed where quotas are kept."""
        for kind, count in faults.items():
            self._quota_faults.labels(kind).set(count)

    def call(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Counts one call of a judge that was passed on."""
        self._calls.inc()
        self._of(self._tokens, "prompt").inc(prompt_tokens)
        self._of(self._tokens, "completion").inc(completion_tokens)

    def _of_one_judge(self, judge: str, votes: Sequence[Vote]) -> None:
        self._of(self._votes, judge).inc(len(votes))
        mass = self._of(self._mass, judge)
        for vote in votes:
            if vote.failure is not None:
                self._of(self._failures, vote.failure.kind).inc()
            if vote.label_mass is not None:
                mass.observe(vote.label_mass)

    def _preference(self, verdict: Preference, judge: str) -> None:
        if verdict.consistent is not None:
            self._pairs.inc()
            _add(self._flips, not verdict.consistent)
        _add(self._ties, verdict.winner == "tie")
        if verdict.position_bias is not None:
            self._of(self._bias, judge).observe(verdict.position_bias)

    def state(
        self, waiting: int, epochs: Mapping[str, int], cache_faults: Mapping[str, int], drifts: Mapping[str, int]
    ) -> None:
        """What holds at the moment of asking."""
        self._waiting.set(waiting)
        for kind, count in cache_faults.items():
            self._cache_faults.labels(kind).set(count)
        for judge, epoch in epochs.items():
            self._epoch.labels(judge).set(epoch)
            self._drifts.labels(judge).set(drifts.get(judge, 0))

    def cohort(self, end: str, late: int) -> None:
        """Counts one ranking of a cohort."""
        self._of(self._cohorts, end).inc()
        _add(self._late, late)

    def gathered(self, seconds: float) -> None:
        """Counts one member that was answered."""
        self._gathered.observe(seconds)

    def open_cohorts(self, count: int) -> None:
        """How many cohorts are gathered at the moment of asking."""
        self._open_cohorts.set(count)

    def loads(self, judge: str, loads: Sequence[tuple[str, int, int]]) -> None:
        """What the replicas of a judge are sent at the moment of asking: name, limit and calls in flight of each."""
        for gone in self._replicas.get(judge, ()):
            self._limits.labels(judge, gone).set(0)
            self._in_flight.labels(judge, gone).set(0)
        self._replicas[judge] = [replica for replica, _, _ in loads]
        for replica, limit, in_flight in loads:
            self._limits.labels(judge, replica).set(limit)
            self._in_flight.labels(judge, replica).set(in_flight)

    def page(self) -> bytes:
        """The text Prometheus reads: of all workers together, where there are several."""
        if not self._several:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _judge_of(vote: Vote) -> str:
    return vote.judge


def _add(counter: Counter, count: int) -> None:
    """Nothing is added at no cost: a counter takes a lock."""
    if count:
        counter.inc(count)
