"""AReaL (1.0): a reward function for its workflows, which runs it in a pool of processes and waits 15 s for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from judge_service.integrations.worth import STEADY, asked_at_once, client, number_of

SECONDS: Final = 8.0
"""A reward that has not come after 15 s is 0 in AReaL: the client's own deadline and its grace end before that, with an
error, after which it tries again."""


def reward(
    prompt: Any,
    completions: str,
    prompt_ids: Sequence[int],
    completion_ids: Sequence[int],
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    prompt_key: str = "",
    options: dict[str, Any] | None = None,
    on_failure: float | None = None,
    **columns: Any,
) -> float:
    """A completion's score as a share of the rubric's scale, in [0, 1].

    `functools.partial` sets what stands behind the star: it can be pickled, as AReaL asks.

    Args:
        prompt: as AReaL shows it to the policy: with the chat template's own tokens.
        prompt_key: the column of the data set with the prompt as it is without them.
        options: of the judgment, as in /v1/score.
        on_failure: the reward where there is no verdict; None: an error.

    Raises:
        Unscored: there is no verdict, nor a number for that.
    """
    shown = columns[prompt_key] if prompt_key else prompt
    told = {"timeout": SECONDS, **STEADY, **(options or {})}
    case = {"prompt": shown, "response": completions}
    return number_of(asked_at_once(client(base_url, api_key), "score", case, told), on_failure)
