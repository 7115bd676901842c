"""Expected hosts, BMC networks and what was found in them, as the API lists them.

They are written by routes of their own: an import, an act, a declaration that is checked by rules
which no field alone can say.
"""

from __future__ import annotations

from inventory.auth import Permission
from inventory.expected_hosts import ExpectedHost, FactoryAccount
from inventory.found_bmcs import BmcNetwork, Discovery, FoundBmc
from inventory.resources.declaring import Filter, Form, Resource
from inventory.resources.shaping import show_record, view_of

EXPECTED = Resource(
    noun="expected-host",
    plural="expected-hosts",
    kind=ExpectedHost,
    view=view_of(ExpectedHost, "ExpectedHostView"),
    show=show_record(ExpectedHost),
    read=Permission.EXPECTED_READ,
    command="host expected",
    filters={
        "id": Filter("key"),
        **{name: Filter(name) for name in ("name", "pod", "slot", "serial", "bmc", "account")},
        "found": Filter("found", says="The id of its BMC; `found__empty=true`: not found yet."),
        "host_id": Filter("host_id", says="`host_id__empty=true`: no host yet."),
        "enrol": Filter("enrol", Form.FLAG),
    },
    ordering=("name", "pod", "slot", "serial"),
    searched=("name", "serial", "pod"),
)

ACCOUNTS = Resource(
    noun="factory-account",
    plural="factory-accounts",
    kind=FactoryAccount,
    view=view_of(FactoryAccount, "FactoryAccountView"),
    show=show_record(FactoryAccount),
    read=Permission.EXPECTED_READ,
    command="bmc accounts",
    filters={"id": Filter("key"), "name": Filter("key")},
    searched=("key",),
)

NETWORKS = Resource(
    noun="bmc-network",
    plural="bmc-networks",
    kind=BmcNetwork,
    view=view_of(BmcNetwork, "BmcNetworkView"),
    show=show_record(BmcNetwork),
    read=Permission.NETWORK_READ,
    command="bmc networks",
    filters={"id": Filter("key"), "name": Filter("key"), "site": Filter("site")},
    searched=("key",),
    ordering=("name", "site"),
)

FOUND = Resource(
    noun="found-bmc",
    plural="found-bmcs",
    kind=FoundBmc,
    view=view_of(FoundBmc, "FoundBmcView"),
    show=show_record(FoundBmc, display=lambda shown: str(shown["address"])),
    read=Permission.EXPECTED_READ,
    command="bmc found",
    filters={
        "id": Filter("key"),
        **{name: Filter(name) for name in ("address", "ip", "network", "site", "vendor")},
        "state": Filter("state", Form.CHOICE, ("found", "matched", "host")),
        "expected": Filter("expected", says="The name of the expected host that it is."),
        "host": Filter("host"),
        "seen_at": Filter("seen_at", Form.MOMENT),
    },
    brief=("id", "url", "display", "address", "state"),
    ordering=("address", "network", "state", "expected", "seen_at"),
    searched=("address", "expected", "host", "vendor"),
    addressed_by_name=False,
    named=False,
)

DISCOVERIES = Resource(
    noun="discovery",
    plural="discoveries",
    kind=Discovery,
    view=view_of(Discovery, "DiscoveryView"),
    show=show_record(Discovery, display=lambda shown: ", ".join(shown["networks"])),
    read=Permission.EXPECTED_READ,
    command="bmc discoveries",
    filters={
        "id": Filter("key"),
        "state": Filter("state", Form.CHOICE, ("waiting", "running", "done", "stopped", "failed")),
        "created_at": Filter("created_at_s", Form.MOMENT),
    },
    brief=("id", "url", "display", "state"),
    ordering=("created_at", "state"),
    searched=("state",),
    addressed_by_name=False,
    named=False,
)

RESOURCES = (EXPECTED, ACCOUNTS, NETWORKS, FOUND, DISCOVERIES)
