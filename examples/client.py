"""The Python client in a few lines: start `judge-service serve --offline`, then run this."""

from judge_service.integrations.client import JudgeClient

PROMPT = "How do I keep bread fresh?"
ANSWERS = ["In a paper bag, cut side down; for longer than two days, freeze it in slices.", "Bread is a staple food."]

with JudgeClient() as client:
    one = client.compare(PROMPT, ANSWERS)
    print(f"{one.verdict.winner} is better, with probability {one.verdict.probability:.2f}")
    cases = ({"prompt": PROMPT, "candidates": [ANSWERS[0], f"{ANSWERS[1]} {i}"]} for i in range(100))
    wins = sum(judgment.verdict.winner == "a" for _, judgment in client.stream("compare", cases))
    print(f"the first won {wins} of 100")
