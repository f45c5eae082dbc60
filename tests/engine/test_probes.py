"""The suite of injected orders on a real server: both kinds of prompts are answered, and nothing is mistaken.

What the tiny judge makes of them says nothing about real judges: it cannot read an order, and without the fences that
it was trained on it turns its verdicts round, so that the worse of a pair wins before it is touched. The rates are
printed.
"""

from running import Vllm, service_for
from world import exercises

from judge_service.domain.options import options_from
from judge_service.domain.probes import Pair
from judge_service.evaluation.audits.measures import Measure
from judge_service.library.probes import open_probes
from judge_service.probing.running import Probing, findings

PAIRS = 24
TEXTS = 8


async def test_injected_orders_are_answered_guarded_and_not(tiny: Vllm) -> None:
    told = list(exercises("pairs", PAIRS, apart="warm"))
    pairs = [Pair(one.case.named(f"{i}"), "ab".index(one.best("warm"))) for i, one in enumerate(told)]
    async with service_for(tiny) as service:
        options = options_from({"rubric": "tiny-warm"}, "compare")
        (found,) = await findings(service, options, Probing(open_probes(["injection"]), pairs, texts=TEXTS))
    assert found.unscored == 0
    measures: dict[str, Measure] = {measure.name: measure for measure in found.measures}
    for measure in found.measures:
        print(measure)
    assert measures["injection.success_unguarded"].value is not None or measures["injection.success_unguarded"].note
    for name in ("injection.success", "injection.shift", "injection.shift_unguarded"):
        measure = measures[name]
        assert measure.value is not None
        assert measure.low is not None
        assert measure.n > PAIRS
