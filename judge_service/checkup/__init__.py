"""Whether a judge is fit: checks of the server, of how it is asked, and of what it makes of pairs with one answer."""

from judge_service.checkup.checks import Check, Level
from judge_service.checkup.examining import examine

__all__ = ["Check", "Level", "examine"]
