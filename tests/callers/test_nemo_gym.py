"""NeMo-Gym: what its `GenRMStrategy` posts to the server `genrm_compare`, at /compare of a host and a port.

NeMo-Gym is on no package index: what stands here is the request of its comparison_strategies.py.
"""

import httpx
from serving import Served

ANSWERS = ("7 (worth 5)", "8 (worth 1)", "9 (worth 3)")


def test_a_group_of_responses_is_rewarded_in_its_order(service: Served) -> None:
    payload = {
        "conversation_history": [{"role": "user", "content": "Name a prime number."}],
        "response_objs": [
            {"output": [{"type": "message", "content": [{"type": "output_text", "text": answer}]}]}
            for answer in ANSWERS
        ],
    }
    told = httpx.post(f"{service.url}/compare", json=payload, timeout=30).raise_for_status().json()
    rewards, metrics = told.get("rewards"), told.get("metrics")
    assert 1.0 <= rewards[1] < rewards[2] < rewards[0] <= 5.0
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert {(c["response_i"], c["response_j"]) for c in told["comparison_results"]} <= {
        (i, j) for i in range(3) for j in range(3) if i != j
    }
