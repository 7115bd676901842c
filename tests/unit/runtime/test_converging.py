"""What an agent does next, as a table."""

from __future__ import annotations

import pytest

from inventory.agents import AcceptanceOrder, DesiredState, RayOrder
from runtime.converging import (
    Action,
    ForgetAcceptance,
    Present,
    RunAcceptance,
    StartRay,
    StopRay,
    decide,
)

RAY = RayOrder(
    cluster_id="c1",
    cluster="acme/main",
    role="worker",
    network="n",
    address="10.77.1.2/24",
    head_address="10.77.1.1",
    token="t",
    num_cpus=1,
    num_gpus=0,
)
RELABELLED = RAY.model_copy(update={"labels": {"podyard.io/unit": "u2"}})
MEASURE = AcceptanceOrder(order_id="a1", tests=("matrix_multiply",))


@pytest.mark.parametrize(
    ("present", "desired", "actions"),
    [
        (Present(), DesiredState(generation=1), ()),
        (Present(), DesiredState(generation=1, ray=RAY), (StartRay(RAY),)),
        (Present(ray=RAY), DesiredState(generation=1, ray=RAY), ()),
        (Present(ray=RAY), DesiredState(generation=1, ray=RELABELLED), (StartRay(RELABELLED),)),
        (Present(ray=RAY), DesiredState(generation=1), (StopRay(),)),
        (Present(), DesiredState(generation=1, ray=RAY, drain=True), ()),
        (Present(ray=RAY), DesiredState(generation=1, ray=RAY, drain=True), ()),
        (Present(ray=RAY), DesiredState(generation=1, drain=True), (StopRay(),)),
        (Present(), DesiredState(generation=1, acceptance=MEASURE), (RunAcceptance(MEASURE),)),
        (Present("a1"), DesiredState(generation=1, acceptance=MEASURE), ()),
        (Present("a0"), DesiredState(generation=1, acceptance=MEASURE), (RunAcceptance(MEASURE),)),
        (Present("a1"), DesiredState(generation=1), (ForgetAcceptance(),)),
        (Present(), DesiredState(generation=1, acceptance=MEASURE, drain=True), ()),
        (
            Present(ray=RAY),
            DesiredState(generation=1, acceptance=MEASURE),
            (StopRay(), RunAcceptance(MEASURE)),
        ),
    ],
)
def test_actions_bring_present_to_desired(
    present: Present, desired: DesiredState, actions: tuple[Action, ...]
) -> None:
    assert decide(present, desired) == actions
