"""What can go wrong, by who has to act. A judge's failure on a case is data (`domain.verdicts.Failure`), not an error.

JudgeServiceError
├── InvalidRequest      the caller has to change the request; `param` names the field
│   ├── InvalidCase     one case is wrong; the others of its file or request are judged
│   └── InvalidOption   an option is wrong; nothing is judged
├── UnknownName         no rubric, judge or reading of that name
├── InvalidLibrary      a rubric or prompt file is wrong; the message names file, field and reason
├── InvalidConfiguration  judge-service.toml, a JUDGE_ variable or a flag is wrong
├── RunRefused          the output belongs to another run, or another process is writing it
├── StoreDown           the place where files and batches are kept cannot be reached, or may not be trusted with them
├── JudgeChanged        the judge is no longer the one the caller pinned
└── JudgeDown           no judge answers
"""

from __future__ import annotations


class JudgeServiceError(Exception):
    """The root of all errors this package raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(JudgeServiceError):
    """The caller has to change the request.

    Attributes:
        param: the field at fault, as a path such as `cases[3].candidates`; None when it is the whole body.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class InvalidCase(InvalidRequest):
    """One case cannot be judged as given."""


class InvalidOption(InvalidRequest):
    """An option has a wrong value, or does not go with another."""


class UnknownName(JudgeServiceError):
    """A rubric, judge or reading was named that does not exist.

    Attributes:
        param: the option that named it.
    """

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class InvalidLibrary(JudgeServiceError):
    """A rubric or prompt file is wrong."""


class InvalidConfiguration(JudgeServiceError):
    """The configuration is wrong."""


class RunRefused(JudgeServiceError):
    """An output file cannot be continued by this run."""


class StoreDown(JudgeServiceError):
    """What is kept for callers can be neither read nor written now."""


class JudgeChanged(JudgeServiceError):
    """The judge is no longer the one the caller pinned by its digest."""


class JudgeDown(JudgeServiceError):
    """The judge cannot be reached."""
