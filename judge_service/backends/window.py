"""How many calls one server is sent at a time, learned from its refusals, its queue and its slowness.

Time is told, never read, and nothing here waits: a `Window` is told of calls that end, and says how many may be out.
"""

from __future__ import annotations

from typing import Final

SLOW: Final = 0.5
"""Calls that take more of the time they have, on average, are near to being late."""
_EASY: Final = 0.35
"""From here down there is time enough to send more."""
_STEP: Final = 0.03
_LONGEST_STEP: Final = 0.25
_LEAST_STEP: Final = 0.25
"""In calls: small limits would else stand still."""
_MANY: Final = 0.5
"""So large a share of refusals is overload whatever else speaks."""
_FEW: Final = 0.1
_FEWEST: Final = 4
"""Fewer calls tell nothing of shares."""
_DEEPEST: Final = 1 / 64
_SHARPEST: Final = 0.125
_EASED: Final = 0.7
_QUEUE: Final = 0.25
_SHORT_QUEUE: Final = 2.0
"""A server may hold a quarter of what it works on, and two calls, in its queue: it must never wait for us."""
_FIRST_QUIET: Final = 16
_LONGEST_QUIET: Final = 256
_LONGEST_SHUT: Final = 120.0
_NEWEST: Final = 0.3


class Window:
    """The number of calls that may be out at one server: from its ceiling down on evidence, and up again without.

    Calls are looked at in rounds: of as many that ended as were out when the round began, about one round trip. A round
    lowers the limit at most once, and the next one, whose calls were sent before, counts for nothing (Jacobson,
    "Congestion avoidance and control", 1988).

    * Refusals: with the share p refused the limit is multiplied by 1 - p/2 (Alizadeh et al., "Data center TCP", 2010),
      and by 1 - p where most were: of calls sent side by side the others are what the server takes. What it held when
      it refused one it takes, and so the limit stays above that. Of a limit that was not used up, what was out counts
      (RFC 5681, RFC 7661).
    * Slowness: calls that need more than half of the time they have lower it by three tenths. A server that is slow for
      other reasons than ours must not be starved, and so lowering is a trial: if neither refusals nor latency fell with
      the limit, it is taken back and not tried again for a while (the reasoning of TCP Vegas: Brakmo & Peterson, 1995).
    * A queue that the server tells of, in two looks one after the other (Nichols & Jacobson, "Controlling queue delay",
      2012: the least over an interval is the standing queue), lowers it by what is too much of it.
    * A round without any of these raises it, by 3% of itself and twice that in each further one, to 25%. Decrease in
      proportion and growth that begins small let several clients of a server come to fair shares (Chiu & Jain, 1989).

    Args:
        ceiling: where it starts, and what it never exceeds.

    Attributes:
        limit: calls that may be out, 1 to `ceiling`.
        latency: smoothed seconds of an answer; 0 before the first.
        opens: the time before which nothing may be sent.
    """

    __slots__ = (
        "_by_queue",
        "_ceiling",
        "_ended",
        "_late",
        "_level",
        "_quiet",
        "_quiet_next",
        "_quota",
        "_refusals",
        "_seconds",
        "_skips",
        "_step",
        "_strain",
        "_taken",
        "_trial",
        "_used",
        "_waited",
        "latency",
        "limit",
        "opens",
    )

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._level = float(ceiling)
        self.limit = ceiling
        self.latency = 0.0
        self.opens = 0.0
        self._step = _STEP
        self._skips = False
        self._trial: tuple[float, float, float, float] | None = None
        """The limit before it was lowered, and what was to fall by it: share refused, mean seconds, share late."""
        self._quiet = 0
        self._quiet_next = _FIRST_QUIET
        self._waited: int | None = None
        self._by_queue = False
        self._begin()

    def _begin(self) -> None:
        self._ended = self._refusals = self._late = self._quota = 0
        self._taken = self._ceiling
        self._seconds = self._strain = 0.0

    @property
    def has_queue(self) -> bool:
        """Whether the server told of a queue, and the limit goes by that."""
        return self._by_queue

    def answered(self, seconds: float, allowed: float, out: int) -> None:
        """A call was answered, or was given up because its time had passed.

        Args:
            seconds: how long it was out.
            allowed: how long it might have been; infinite where there was no limit.
            out: calls that were out, this one among them.
        """
        if not self._ended:
            self._quota = max(out, _FEWEST)
            self._used = out
        self._ended += 1
        self._seconds += seconds
        if seconds < allowed:
            self._strain += seconds / allowed
        else:
            self._strain += 1.0
            self._late += 1
        if self._ended >= self._quota:
            self._end_round()

    def refused(self, now: float, retry_after: float | None, out: int) -> None:
        """The server did not take a call.

        Args:
            retry_after: seconds it asked to wait. Where it has nothing else of ours, it is left alone for so long.
            out: calls that were out, this one among them.
        """
        if retry_after and out <= 1:
            self.opens = max(self.opens, now + min(retry_after, _LONGEST_SHUT))
        if not self._ended:
            self._quota = max(out, _FEWEST)
            self._used = out
        self._ended += 1
        self._refusals += 1
        self._taken = min(self._taken, out - 1)
        if self._ended >= self._quota:
            self._end_round()

    def queued(self, running: int, waiting: int, out: int) -> None:
        """The server told how many calls it works on and how many wait there, anyone's; `out` of them are ours."""
        standing = waiting if self._waited is None else min(self._waited, waiting)
        first, self._waited = self._waited is None, waiting
        spare = max(_SHORT_QUEUE, _QUEUE * running)
        if standing > spare and not first:
            ours = min(1.0, out / (running + waiting))
            self._by_queue = True
            self._set(min(self._level, out - (standing - spare) * ours))
        elif self._by_queue and waiting <= spare / 2 and 2 * out >= self._level:
            self._set(self._level * (1.0 + _LONGEST_STEP) + 1.0)
            self._by_queue = self._level < self._ceiling

    def blind(self) -> None:
        """The server no longer tells of its queue."""
        self._waited, self._by_queue = None, False

    def _end_round(self) -> None:
        answered, used, taken = self._ended - self._refusals, self._used, self._taken
        share = self._refusals / self._ended
        seconds, strain, late = (
            told / answered if answered else 0.0 for told in (self._seconds, self._strain, self._late)
        )
        self._begin()
        if answered:
            self.latency += (seconds - self.latency) * (_NEWEST if self.latency else 1.0)
        if self._skips:
            self._skips = False
            return
        self._quiet = max(0, self._quiet - 1)
        if self._trial is not None and share < _MANY and self._goes_on(share, seconds, late):
            return
        if share:
            self._refuse(share, (share, seconds, late), used, taken)
        elif strain > SLOW and not self._quiet:
            self._lower(_EASED, used, 1, (0.0, seconds, late))
        elif strain <= _EASY and not self._by_queue and 2 * used >= self._level:
            self._grow()

    def _refuse(self, share: float, trial: tuple[float, float, float], used: int, taken: int) -> None:
        self._step = _STEP
        if share >= _MANY:
            self._trial, self._quiet, self._quiet_next = None, 0, _FIRST_QUIET
            self._lower(max(_SHARPEST, 1.0 - (share if share > _MANY else share / 2)), used, taken)
        elif self._quiet:
            self._set(self._level * (1.0 + _STEP if share < _FEW else 1.0))
        else:
            self._lower(1.0 - share / 2, used, taken, trial)

    def _lower(self, factor: float, used: int, taken: int, trial: tuple[float, float, float] | None = None) -> None:
        """Lowers the limit, not below what the server took; as a trial, with what is to fall by it."""
        before = self._level
        least = max(taken, before / 2 if 2 * used < before else 1.0)
        self._set(min(before, max(least, min(before, used) * factor)))
        self._step, self._skips = _STEP, True
        if trial is not None:
            self._trial = (before, *trial)

    def _goes_on(self, share: float, seconds: float, late: float) -> bool:
        """Ends the trial of a lower limit, unless most calls are late: then how much they are cannot be seen yet.

        A lowering that was no use is taken back: neither refusals nor latency fell with the limit.
        """
        assert self._trial is not None
        before, refused, took, were_late = self._trial
        fell = 1.0 - self._level / before
        has_helped = share < refused * 0.75 if refused else seconds <= took * (1.0 - fell / 2)
        has_helped = has_helped or late < _MANY <= were_late
        if late >= _MANY and not has_helped and self._level > max(1.0, before * _DEEPEST):
            self._set(self._level / 2)
            self._skips = True
            return True
        self._trial = None
        if has_helped:
            self._quiet_next = _FIRST_QUIET
        else:
            self._set(max(self._level, before))
            self._quiet, self._quiet_next = self._quiet_next, min(_LONGEST_QUIET, 2 * self._quiet_next)
        return False

    def _grow(self) -> None:
        if self._level < self._ceiling:
            self._set(self._level + max(_LEAST_STEP, self._level * self._step))
            self._step = min(_LONGEST_STEP, 2 * self._step)

    def _set(self, level: float) -> None:
        self._level = min(float(self._ceiling), max(1.0, level))
        self.limit = int(self._level)
