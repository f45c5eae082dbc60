"""Prompts with two candidates, in the templates that judges are asked by."""

from __future__ import annotations

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.requests import Asked, asked_chat

PLAIN = Behaviour()
GOOD = "Paris is the capital.\n\nIt lies on the Seine."
POOR = "I do not know,\nsorry."
TEMPLATES = {
    "ours": (
        "[Response A 1f2e3d4c]\n{0}\n[/Response A 1f2e3d4c]\n\n"
        "[Response B 1f2e3d4c]\n{1}\n[/Response B 1f2e3d4c]\n\nA or B:"
    ),
    "tags": "Compare.\n<A>\n{0}\n</A>\n<B>{1}</B>\nWhich is better?",
    "named tags": "<response_1>{0}</response_1>\n<response_2>{1}</response_2>\nAnswer 1 or 2:",
    "mt-bench": (
        "[User Question]\nWhat?\n\n[The Start of Assistant A's Answer]\n{0}\n[The End of Assistant A's Answer]\n\n"
        "[The Start of Assistant B's Answer]\n{1}\n[The End of Assistant B's Answer]"
    ),
    "arena-hard": (
        "<|User Prompt|>\nWhat?\n\n<|The Start of Assistant A's Answer|>\n{0}\n<|The End of Assistant A's Answer|>\n\n"
        "<|The Start of Assistant B's Answer|>\n{1}\n<|The End of Assistant B's Answer|>"
    ),
    "alpaca": '{{"model": "m", "output": """{0}"""}},\n{{"model": "M", "output": """{1}"""}}\n## Task\nRank them.',
    "prometheus": (
        "###Instruction:\nX\n\n###Response A:\n{0}\n\n###Response B:\n{1}\n\n###Score Rubric:\nTruth.\n\n###Feedback:"
    ),
    "llmbar": (
        "# Instruction:\nX\n\n# Output (a):\n{0}\n\n# Output (b):\n{1}\n\n# Which is better, Output (a) or Output (b)?"
    ),
    "auto-j": (
        "[BEGIN DATA]\n***\n[Query]: X\n***\n[Response 1]: {0}\n***\n[Response 2]: {1}\n***\n[END DATA]\nCompare them."
    ),
    "plain": "What?\nResponse 1: {0}\n\nResponse 2: {1}\n\nWhich response is better, 1 or 2?",
}


def asked(behaviour: Behaviour = PLAIN, **fields: object) -> Asked:
    return asked_chat(fields, behaviour)


def pair(first: object, second: object, closing: str = "Answer with one letter, A or B:") -> str:
    return f"Which is better?\nA: text (worth {first})\nB: text (worth {second})\n{closing}"
