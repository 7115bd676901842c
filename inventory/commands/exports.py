"""`podyard export`: the inventory in the forms of other programs, on stdout."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from inventory.client import service

export_app = typer.Typer(
    no_args_is_help=True,
    help="Write the inventory for spreadsheets, NetBox, Prometheus or Ansible.\n\n"
    "Example: podyard export hosts --pod lab > hosts.csv",
)

PodOption = Annotated[str, typer.Option(help="Only hosts of this pod.")]
SiteOption = Annotated[str, typer.Option(help="Only hosts of this site.")]
TagOption = Annotated[
    list[str] | None, typer.Option("--tag", help="Only with this tag; again for more.")
]


@export_app.command("hosts")
def export_hosts(pod: PodOption = "", site: SiteOption = "", tag: TagOption = None) -> None:
    """Write hosts as CSV. No cell is taken for a formula.

    Example: podyard export hosts --pod lab > hosts.csv
    """
    _export("hosts.csv", pod=pod, site=site, tag=tag)


@export_app.command("device-types")
def export_device_types() -> None:
    """Write the shipped host types as NetBox's device-type YAML.

    Example: podyard export device-types > device-types.yaml
    """
    _export("device-types.yaml")


@export_app.command("prometheus")
def export_prometheus(pod: PodOption = "", site: SiteOption = "", tag: TagOption = None) -> None:
    """Write BMCs as targets for Prometheus; the service gives the same to `http_sd_configs`.

    Example: podyard export prometheus --site here > targets.json
    """
    _export("prometheus-sd.json", pod=pod, site=site, tag=tag)


@export_app.command("ansible")
def export_ansible(pod: PodOption = "", site: SiteOption = "", tag: TagOption = None) -> None:
    """Write hosts as an inventory of Ansible.

    Example: podyard export ansible --pod lab > inventory.json
    """
    _export("ansible-inventory.json", pod=pod, site=site, tag=tag)


def _export(what: str, **query: Any) -> None:
    with service() as api, api.download(f"/api/export/{what}", **query) as parts:
        for part in parts:
            sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
