"""audit: what judges are worth, from pairs judged in both orders and from human labels."""

from __future__ import annotations

from typing import Final

import typer

from judge_service.cli import audit_calibration, audit_escalation, audit_position, audit_protocol, audit_rankings

app: Final = typer.Typer(
    no_args_is_help=True, help="How far a judge can be trusted: its position bias, and how it compares with people."
)
app.command("position")(audit_position.position)
app.command("escalation")(audit_escalation.escalation)
app.command("calibration")(audit_calibration.calibration)
app.command("rankings")(audit_rankings.rankings)
app.command("protocol")(audit_protocol.protocol)
