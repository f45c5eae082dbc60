"""The judges at hand and the library of standards, and sittings prepared from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from judge_service.cards.book import Cards
from judge_service.deciding import Decider
from judge_service.domain.options import Options, Task
from judge_service.judge import Judge, judge_among
from judge_service.library import Library
from judge_service.sitting import Sitting

if TYPE_CHECKING:
    from judge_service.tracing.spans import Tracing

_MOST_SITTINGS: Final = 256


class JudgingService:
    """Judges by name, the first being the default, and a library.

    Attributes:
        cache_faults: how often the cache failed, by kind.
        tracing: what follows requests and cases, if traces are configured.
        cards: what is known of the judges.
    """

    def __init__(
        self,
        judges: Mapping[str, Judge],
        library: Library,
        faults: Mapping[str, int] | None = None,
        prepare: Callable[[Task, Options, Mapping[str, Judge], Library, Cards], Sitting] = Sitting,
        tracing: Tracing | None = None,
        cards: Cards | None = None,
    ) -> None:
        self.judges = dict(judges)
        self.library = library
        self.cache_faults: Mapping[str, int] = {} if faults is None else faults
        self.tracing = tracing
        self.cards = Cards() if cards is None else cards
        self._prepare = prepare
        self._sittings: dict[tuple[Task, Options | str, frozenset[str]], Sitting] = {}
        self._deciders: dict[tuple[Options | str, frozenset[str]], Decider] = {}

    def sitting(self, task: Task, options: Options) -> Sitting:
        """Prepares what is the same for all cases judged under these options; asked again, it is the same object.

        It goes by the cards as they are now, and is another once they have changed: who holds one goes on as before.

        Raises:
            UnknownName: the rubric or judge does not exist.
            InvalidOption: the options do not go with the rubric or the judge.
        """
        key = (task, repr(options) if isinstance(options.rubric, Mapping) else options, options.told)
        found = self._sittings.get(key)
        if found is None or not found.is_current:
            found = self._prepare(task, options, self.judges, self.library, self.cards)
            if key not in self._sittings and len(self._sittings) >= _MOST_SITTINGS:
                self._sittings.pop(next(iter(self._sittings)))
            self._sittings[key] = found
        return found

    def decider(self, options: Options) -> Decider:
        """Prepares what is the same for all questions decided under these options; asked again, it is the same object.

        Raises:
            UnknownName: the rubric or judge does not exist.
            InvalidOption: the options do not go with decisions or with the judge.
        """
        key = (repr(options) if isinstance(options.rubric, Mapping) else options, options.told)
        if key not in self._deciders:
            decider = Decider(options, self.judges, self.library)
            if len(self._deciders) >= _MOST_SITTINGS:
                self._deciders.pop(next(iter(self._deciders)))
            self._deciders[key] = decider
        return self._deciders[key]

    def judge_named(self, name: str) -> Judge:
        """The judge of that name.

        Raises:
            UnknownName: there is none.
        """
        return judge_among(self.judges, name)

    async def aclose(self) -> None:
        """Closes every judge."""
        for judge in self.judges.values():
            await judge.backend.aclose()
