"""What a cluster is sent and what a deployment is said to be, for each thing Serve may report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from inventory.model import Deployment, RayCluster
from runtime.cluster import ServedApplication
from runtime.deploying import LastPut, ServingPlan, ServingSeen, decide_serving
from runtime.serving.document import render, revision
from tests.unit.runtime_control.builders import START, make_deployment

CLUSTER = RayCluster(
    id="cl", tenant="acme", name="main", simulated=True, network="t-1", subnet=1, phase="running"
)


def served(status: str, *, replicas: int = 0, name: str = "smol", why: str = "") -> Any:
    return (ServedApplication(f"model-{name}", status, why, replicas),)


def decide(*deployments: Deployment, **changes: Any) -> ServingPlan:
    wanted = [d for d in deployments if d.phase != "deleting"]
    fields: dict[str, Any] = {
        "now": START,
        "tenant": "acme",
        "cluster_name": "main",
        "cluster": CLUSTER,
        "deployments": deployments,
        "served": (),
        "trouble": "",
        "last": LastPut(revision(render(wanted, serve_port=8000)), START),
        "refused": "",
        "serve_port": 8000,
    }
    return decide_serving(ServingSeen(**(fields | changes)))


@pytest.mark.parametrize(
    ("status", "replicas", "before", "after"),
    [
        ("DEPLOYING", 0, "pending", "deploying"),
        ("RUNNING", 1, "deploying", "running"),
        ("RUNNING", 0, "deploying", "deploying"),
        ("DEPLOYING", 1, "running", "running"),  # an update under way still answers
        ("DEPLOYING", 0, "running", "deploying"),
        ("DEPLOY_FAILED", 0, "deploying", "failed"),
        ("RUNNING", 1, "failed", "running"),
        ("UNHEALTHY", 0, "running", "failed"),
        ("UNHEALTHY", 1, "running", "running"),
        ("NOT_STARTED", 0, "deploying", "deploying"),
    ],
)
def test_a_phase_follows_what_serve_reports(
    status: str, replicas: int, before: Any, after: str
) -> None:
    plan = decide(make_deployment(phase=before), served=served(status, replicas=replicas))
    fresh = plan.changed[0] if plan.changed else make_deployment(phase=before)
    assert fresh.phase == after


def test_a_failure_keeps_the_end_of_its_reason() -> None:
    why = "x" * 5000 + "FileNotFoundError: model.gguf"
    plan = decide(make_deployment(), served=served("DEPLOY_FAILED", why=why))
    assert plan.changed[0].message.endswith("FileNotFoundError: model.gguf")
    assert len(plan.changed[0].message) == 1000


def test_a_cluster_that_cannot_be_asked_changes_no_running_deployment() -> None:
    plan = decide(make_deployment(phase="running"), served=None, trouble="no answer")
    assert plan.changed == ()
    assert plan.document is None


def test_a_deployment_waits_with_the_clusters_reason() -> None:
    forming = CLUSTER.model_copy(update={"phase": "forming", "message": "Ray is starting on h1"})
    plan = decide(make_deployment(), served=None, cluster=forming)
    assert plan.changed[0].message == "waits for cluster acme/main: Ray is starting on h1"


def test_nothing_is_sent_while_the_cluster_forms() -> None:
    forming = CLUSTER.model_copy(update={"phase": "forming", "message": "1 of 3 hosts have joined"})
    plan = decide(make_deployment(), cluster=forming, last=None)
    assert plan.document is None
    assert "1 of 3 hosts" in plan.changed[0].message


def test_an_empty_document_never_starts_serve() -> None:
    assert decide(last=None).document is None
    assert decide(make_deployment(phase="deleting"), last=None).document is None


def test_the_last_deployment_is_taken_away_by_an_empty_document() -> None:
    plan = decide(
        make_deployment(phase="deleting"), served=served("RUNNING", replicas=1), last=None
    )
    assert plan.document is not None
    assert plan.document["applications"] == []
    assert plan.removed == ()


def test_a_document_without_effect_is_repeated_only_after_a_while() -> None:
    assert decide(make_deployment()).document is None
    assert decide(make_deployment(), now=START + timedelta(seconds=11)).document is not None


def test_an_application_that_nobody_asked_for_is_removed() -> None:
    there = served("RUNNING", replicas=1) + served("RUNNING", replicas=1, name="stray")
    plan = decide(make_deployment(), served=there, now=START + timedelta(seconds=11))
    assert plan.document is not None


@pytest.mark.parametrize("cluster", [None, CLUSTER.model_copy(update={"phase": "stopped"})])
def test_without_a_cluster_nothing_is_served(cluster: RayCluster | None) -> None:
    plan = decide(
        make_deployment("one", phase="running"),
        make_deployment("two", phase="deleting"),
        cluster=cluster,
        served=None,
    )
    assert [d.phase for d in plan.changed] == ["pending"]
    assert [d.name for d in plan.removed] == ["two"]


def test_one_look_decided_twice_changes_nothing_the_second_time() -> None:
    first = decide(make_deployment(), served=served("RUNNING", replicas=1))
    second = decide(*first.changed, served=served("RUNNING", replicas=1))
    assert second.changed == ()
