"""Why there is no reward."""

from __future__ import annotations

from typing import Literal

Flag = Literal[
    "formula_parse_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "other_error",
    "python_grader_server_error",
    "python_grader_runtime_error",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_parse_error",
]
"""The errors that the shape of a grader's answer has a flag for."""


class Ungraded(Exception):
    """A grader gives no reward.

    Attributes:
        flag: under which of the shape's errors it falls.
        param: the field at fault, where the caller can change it.
        kind: of the judge's failure, where that is why.
    """

    def __init__(self, message: str, flag: Flag, param: str | None = None, kind: str | None = None) -> None:
        super().__init__(message)
        self.message, self.flag, self.param, self.kind = message, flag, param, kind
