"""Numbers for Prometheus: what is asked of the service, and how good its judges' answers are."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from judge_service.domain.verdicts import Judgment, Preference

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """One registry of its own, so that two services in one process do not meet in a global."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
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

    def request(self, path: str, status: int, seconds: float) -> None:
        """Counts one HTTP request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def judgment(self, judgment: Judgment) -> None:
        """Counts one judgment."""
        self._judgments.labels(judgment.kind, judgment.status).inc()
        usage = judgment.usage
        self._calls.inc(usage.judge_calls)
        self._hits.inc(usage.cache_hits)
        if usage.prompt_tokens:
            self._tokens.labels("prompt").inc(usage.prompt_tokens)
            self._tokens.labels("completion").inc(usage.completion_tokens)
        for vote in judgment.votes:
            if vote.failure is not None:
                self._failures.labels(vote.failure.kind).inc()
        if isinstance(judgment.verdict, Preference) and judgment.status == "judged":
            self._preference(judgment.verdict)

    def _preference(self, verdict: Preference) -> None:
        if verdict.consistent is not None:
            self._pairs.inc()
            self._flips.inc(not verdict.consistent)
        self._ties.inc(verdict.winner == "tie")

    def page(self) -> bytes:
        """The text Prometheus reads."""
        return generate_latest(self.registry)
