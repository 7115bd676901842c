# ruff: noqa: INP001 - a program of its own
"""A Ray job that asks every unit of the cluster where it is: submit the folder, not the file."""

from __future__ import annotations

import sys

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@ray.remote(num_cpus=0)
def where() -> str:
    """The labels that the inventory gave to the unit this runs on."""
    node = ray.get_runtime_context().get_node_id()
    labels = next(n["Labels"] for n in ray.nodes() if n["NodeID"] == node)
    return f"{labels['podyard.io/unit']} in rack {labels['podyard.io/rack']}"


def main() -> None:
    """One task per unit, each pinned to its own."""
    ray.init()
    pinned = [
        where.options(scheduling_strategy=NodeAffinitySchedulingStrategy(n["NodeID"], soft=False))
        for n in ray.nodes()
        if n["Alive"]
    ]
    for line in sorted(ray.get([task.remote() for task in pinned])):
        sys.stdout.write(f"hello from {line}\n")


if __name__ == "__main__":
    main()
