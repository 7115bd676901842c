"""The inventory's part of the command line: a client of the service."""

from __future__ import annotations

import typer

from inventory.commands.audit import audit_app
from inventory.commands.discovering import bmc_app
from inventory.commands.events import event_app
from inventory.commands.exports import export_app
from inventory.commands.netbox import netbox_app
from inventory.commands.offers import certificate_app, unit_app
from inventory.commands.onboarding import host_app
from inventory.commands.people import key_app, show_usage, tenant_app
from inventory.commands.places import cdu_app, feed_app, part_app, rack_app, site_app
from inventory.commands.plans import plan_app
from inventory.commands.recovering import recover_key
from inventory.commands.rewrapping import rewrap_secrets
from inventory.commands.users import user_app
from inventory.commands.webhooks import webhook_app

usage_app = typer.Typer(invoke_without_command=True)
usage_app.callback()(show_usage)
key_app.command("recover")(recover_key)
key_app.command("rewrap")(rewrap_secrets)


def groups() -> dict[str, typer.Typer]:
    """Nouns of the command line, for the root to join."""
    return {
        "plan": plan_app,
        "host": host_app,
        "bmc": bmc_app,
        "site": site_app,
        "rack": rack_app,
        "feed": feed_app,
        "cdu": cdu_app,
        "part": part_app,
        "unit": unit_app,
        "certificate": certificate_app,
        "event": event_app,
        "export": export_app,
        "netbox": netbox_app,
        "tenant": tenant_app,
        "key": key_app,
        "usage": usage_app,
        "user": user_app,
        "audit": audit_app,
        "webhook": webhook_app,
    }
