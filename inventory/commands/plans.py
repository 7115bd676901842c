"""`podyard plan`: what a bring-up will do, of a pod that exists or of a plan in a file.

`podyard plan lab` is the commonest of these, so the noun alone shows. What stands behind it is a
pod's name, or a file when it has a slash, ends in `.json`, or is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from inventory.client import Service, ServiceError, service
from inventory.printing import Output, OutputOption, printable, until
from pods.cli_plan import (
    ChartOption,
    Pictured,
    SvgOption,
    answer_differences,
    answer_plan,
    names_file,
    read_plan,
)
from pods.plan import Plan

if TYPE_CHECKING:
    from typer._click import Context

HELP = {"--help", "-h"}


class ShowsByDefault(TyperGroup):
    """A group whose name alone means `show`, so that `podyard plan lab` reads as it is said."""

    default = "show"

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Put `show` before what names no command."""
        if args and args[0] not in self.commands and args[0] not in HELP:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


plan_app = typer.Typer(
    cls=ShowsByDefault,
    no_args_is_help=True,
    help="See what a bring-up will do, with the watts over time; compare plans.\n\n"
    "Example: podyard plan lab --chart",
)
PlanArgument = Annotated[
    str, typer.Argument(metavar="POD|FILE", help="A pod, or a plan that was kept with -o json.")
]
ApprovedOption = Annotated[
    bool, typer.Option("--approved", help="The plan that was approved, not the one of now.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until every host is inspected.")]
TimeoutOption = Annotated[float, typer.Option(min=1, help="Seconds to wait at most.")]


@plan_app.command("show", cls=Pictured)
def show_plan(
    plan: PlanArgument,
    *,
    chart: ChartOption = False,
    svg: SvgOption = None,
    approved: ApprovedOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = 600.0,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show a plan: waves, start conditions, what is flashed and rebooted, watts over time.

    `podyard plan POD` is short for it.

    Example: podyard plan show lab --chart plan.svg
    """
    if names_file(plan):
        answer_plan(read_plan(Path(plan)), chart=chart, svg=svg, output=output)
        return
    with service() as api:
        found = (
            {"plan": _approved(api, plan), "approved": True, "left_out": []}
            if approved
            else planned(api, plan, wait_s=timeout if wait else 0.0)
        )
    answer_plan(
        Plan.model_validate(found["plan"]),
        chart=chart,
        svg=svg,
        output=output,
        data=found,
        notes=left_out(found),
    )


@plan_app.command("diff")
def diff_plans(
    before: PlanArgument,
    after: Annotated[
        str, typer.Argument(metavar="[POD|FILE]", help="Left out: the pod's plan of now.")
    ] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what differs between two plans, or between a pod's approved plan and that of now.

    Example: podyard plan diff approved.json lab
    """
    if after:
        answer_differences(_plan(before), _plan(after), output=output)
        return
    if names_file(before):
        raise typer.BadParameter("give a second plan: a file alone has nothing to differ from")
    with service() as api:
        was = Plan.model_validate(_approved(api, before))
    answer_differences(was, _plan(before), output=output)


def _plan(named: str) -> Plan:
    if names_file(named):
        return read_plan(Path(named))
    with service() as api:
        return Plan.model_validate(planned(api, named, wait_s=0.0)["plan"])


def _approved(api: Service, pod: str) -> dict[str, Any]:
    found: dict[str, Any] | None = api.get(_path(pod))["plan"]
    if found is None:
        raise ServiceError(
            f"no plan of pod {pod} was approved yet", hint=f"podyard plan {pod} shows that of now"
        )
    return found


def planned(api: Service, pod: str, *, wait_s: float) -> dict[str, Any]:
    """A pod's plan; while hosts are still being inspected, asked for until the time is up."""

    def ask() -> dict[str, Any] | ServiceError:
        try:
            found: dict[str, Any] = api.get(f"{_path(pod)}/plan")
        except ServiceError as error:
            if error.kind != "not-inspected" or not wait_s:
                raise
            return error
        return found

    plan: dict[str, Any] = until(
        ask,
        lambda found: isinstance(found, dict),
        timeout_s=wait_s,
        what=f"pod {pod} is not inspected",
        progress=str,
    )
    return plan


def left_out(found: dict[str, Any]) -> list[str]:
    """Hosts that an answer's plan does not cover, a line each."""
    return [
        printable(f"not in the plan: {one['host']}: {one['reason']}; {one['remedy']}")
        for one in found["left_out"]
    ]


def _path(pod: str) -> str:
    return f"/api/pods/{quote(pod, safe='')}"
