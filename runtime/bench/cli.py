"""`podyard bench allocator` and `podyard bench gateway`: measure, and have every answer checked."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from inventory.printing import Output, OutputOption, pairs, say, write

FAILED = 1


def allocator(
    *,
    hosts: Annotated[
        int, typer.Option(min=100, max=100_000, help="How many hosts, a unit each.")
    ] = 20_000,
    decisions: Annotated[
        int, typer.Option(min=100, max=10_000_000, help="Decisions to measure, after the filling.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="Names the run: the same seed, the same answers.")] = 1,
    output: OutputOption = Output.TABLE,
) -> None:
    """Place claims on a site of one seed, 70 to 95 % full, and have every answer checked.

    Example: podyard bench allocator --hosts 20000 -o json
    """
    from runtime.bench.allocating import run_allocator  # noqa: PLC0415 - only this needs it

    said = run_allocator(
        hosts, decisions=decisions, seed=seed, wall=time.perf_counter, cpu=time.process_time
    )
    write(said, output, lambda: pairs(said, tuple(said)))
    if said["violations"]:
        say(f"not good: violations is {said['violations']}: {said['first_violations'][0]}")
        raise typer.Exit(FAILED)


def gateway(
    *,
    rate: Annotated[float, typer.Option(min=1, help="Requests a second, for latency.")] = 500.0,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each phase.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Direct and through the gateway, each.")] = 3,
    streams: Annotated[int, typer.Option(min=1, help="Streams that are open together.")] = 2000,
    peer: Annotated[
        list[str] | None, typer.Option(help="Another gateway to measure too: litellm, ray-serve.")
    ] = None,
    litellm: Annotated[
        str, typer.Option(metavar="PROGRAM", help="LiteLLM's program, in its own environment.")
    ] = "litellm",
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure what the gateway adds to an engine's time, and what a core of it carries.

    Example: podyard bench gateway --peer ray-serve -o json
    """
    import uvloop  # noqa: PLC0415 - only this needs it

    from runtime.bench.gatewaying import BenchError, Wish, run_gateway  # noqa: PLC0415 - the same
    from runtime.bench.peers import PeerError, peers_of  # noqa: PLC0415 - the same

    try:
        peers = peers_of(peer or [], litellm_program=litellm)
        wish = Wish(rate=rate, seconds=seconds, rounds=rounds, streams=streams, peers=peers)
        said = uvloop.run(run_gateway(wish))
    except (BenchError, PeerError) as error:
        say(str(error))
        raise typer.Exit(FAILED) from None
    write(said, output, lambda: pairs(said, tuple(said)))
    for name in ("failed", "streams_dropped", "not_journaled"):
        if said[name]:
            say(f"not good: {name} is {said[name]}: {said['faults']}")
            raise typer.Exit(FAILED)
