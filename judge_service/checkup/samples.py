"""Pairs of which everybody would choose the same: what a judge makes of them shows whether it judges at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from judge_service.domain.cases import Candidate, Case


class Sample(NamedTuple):
    """A prompt, and two responses of which one is clearly better."""

    prompt: str
    better: str
    worse: str


SAMPLES: Final = (
    Sample(
        "What is the capital of Australia?",
        "The capital of Australia is Canberra.",
        "The capital of Australia is Sydney, its largest city, which has been the seat of the government since 1901.",
    ),
    Sample(
        "What is 17 times 6?", "17 times 6 is 102.", "17 times 6 is 96, because 10 times 6 is 60 and 7 times 6 is 36."
    ),
    Sample(
        "How do I boil an egg so that the yolk stays soft?",
        "Put the egg into boiling water for six minutes, then into cold water, and peel it.",
        "I would rather not talk about eggs.",
    ),
    Sample(
        "Write one sentence about the sea.",
        "The sea lay grey and still under the morning fog.",
        "My bicycle has a flat tyre, and the shop is closed on Mondays.",
    ),
    Sample(
        "Translate into French: Good evening, how are you?",
        "Bonsoir, comment allez-vous ?",
        "Good evening, how are you? is a sentence that can be translated into French.",
    ),
    Sample(
        "Name three fruits that are red.",
        "Strawberries, cherries and raspberries.",
        "Bananas, cucumbers and the colour red.",
    ),
    Sample(
        "In Python, how do I get the last element of a list called xs?",
        "Use xs[-1], which raises an IndexError if the list is empty.",
        "Use xs[0]. The first element of a list is always its last one when you look at it from the other side.",
    ),
    Sample(
        "Why does ice float on water?",
        "Water expands when it freezes, so ice is less dense than the water around it and floats.",
        "Ice floats because ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice ice.",
    ),
    Sample(
        "My friend's father died yesterday. What could I write to her?",
        "You could write: I am so sorry about your father. I am thinking of you, and I can come by whenever you like.",
        "You could write: Well, everybody dies some day. Are you still coming to the party on Saturday?",
    ),
    Sample(
        "Which months have 30 days?",
        "April, June, September and November.",
        "All months have 30 days, except for those that have not, which depends on the year and on the country.",
    ),
    Sample(
        "Summarize in a few words: The shop was to open at nine, but the owner had lost the key, so it opened at noon.",
        "A lost key made the shop open three hours late.",
        "The shop was to open at nine, but the owner had lost the key, so it opened at noon. Shops sell many things.",
    ),
    Sample(
        "Is it safe to mix bleach with ammonia for cleaning?",
        "No. Together they give off toxic chloramine gas; use one or the other, and air the room.",
        "Yes, mix them freely in a closed room: the stronger the smell, the cleaner the floor.",
    ),
)
"""The better is the longer of a pair about as often as not, lest a taste for length look like judgment."""

BETTER: Final = "better"


def cases(samples: Sequence[Sample] = SAMPLES) -> list[Case]:
    """The pairs as cases; a judge is shown no candidate's id."""
    return [
        Case(f"sample-{place}", sample.prompt, (Candidate(BETTER, sample.better), Candidate("worse", sample.worse)))
        for place, sample in enumerate(samples, 1)
    ]
