"""audit: what judges are worth: one card of all, and commands for each part of it."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from judge_service.cli.audits import calibration, card, escalation, position, probes, protocol, rankings, verbosity

WHOLE: Final = "card"


class Whole(TyperGroup):
    """A group whose arguments are those of `card`, unless they begin with another command or ask for help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts `card` first where no command is named. (Typer keeps the type of a context to itself.)"""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [WHOLE, *args]
        return super().parse_args(ctx, args)


app: Final = typer.Typer(
    cls=Whole,
    no_args_is_help=True,
    subcommand_metavar="IN… | COMMAND",
    help="How far a judge can be trusted. Files alone make its whole card (as `audit card IN…`); the commands are"
    " parts of it: its position bias, what sways it, how it compares with people.",
)
app.command(WHOLE)(card.card)
app.command("position")(position.position)
app.command("escalation")(escalation.escalation)
app.command("calibration")(calibration.calibration)
app.command("rankings")(rankings.rankings)
app.command("protocol")(protocol.protocol)
app.command("probes")(probes.probes)
app.command("verbosity")(verbosity.verbosity)
