"""How the commands about specs refuse: every mistake in a file with a hint of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from pods.answering import INVALID, USAGE, fail
from pods.errors import PodsError, SpecInvalid, SpecNotFound


@contextmanager
def spec_refusals() -> Iterator[None]:
    """End the command with the message and its hint on stderr."""
    try:
        yield
    except SpecInvalid as error:
        typer.echo(f"error: {error}", err=True)  # each of its lines has a hint of its own
        raise typer.Exit(INVALID) from None
    except SpecNotFound as error:
        fail(str(error), hint=error.hint, code=USAGE)
    except PodsError as error:
        fail(str(error), hint=error.hint)
