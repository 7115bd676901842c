"""`python -m provisioning.simulator`."""

from __future__ import annotations

import typer

from provisioning.simulator.cli import simulate

# Typer's own tracebacks show local variables, and those of a hall hold passwords.
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(simulate)

if __name__ == "__main__":
    app()
