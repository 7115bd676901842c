"""What a route lets one do, and which role may do it. Whatever is not written here is refused."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What a route lets one do."""

    SELF = "self"
    """Ask who one is and sign out: for everybody who proved who they are."""
    HOST_READ = "host:read"
    HOST_WRITE = "host:write"
    POD_READ = "pod:read"
    POD_WRITE = "pod:write"
    FLEET_WRITE = "fleet:write"
    """Hold everything, and let it go on."""
    PLACE_READ = "place:read"
    """Sites, locations, racks, feeds, equipment and cables."""
    PLACE_WRITE = "place:write"
    EXPECTED_READ = "expected:read"
    """Hosts that are expected, BMCs that were found, and the walks that found them."""
    EXPECTED_WRITE = "expected:write"
    """Import lists, look for BMCs, and make hosts of what was expected and found."""
    NETWORK_READ = "network:read"
    NETWORK_WRITE = "network:write"
    """Declare where BMCs may be: whoever may, says where the service knocks."""
    PART_READ = "part:read"
    PART_WRITE = "part:write"
    CHANGE_READ = "change:read"
    """The change log of records: values before and after."""
    JOURNAL_READ = "journal:read"
    JOURNAL_WRITE = "journal:write"
    UNIT_READ = "unit:read"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_KEY_READ = "certificate-key:read"
    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    QUOTA_READ = "quota:read"
    QUOTA_WRITE = "quota:write"
    KEY_READ = "key:read"
    KEY_WRITE = "key:write"
    CLAIM_READ = "claim:read"
    CLAIM_WRITE = "claim:write"
    CLUSTER_READ = "cluster:read"
    DEPLOYMENT_READ = "deployment:read"
    DEPLOYMENT_WRITE = "deployment:write"
    JOB_READ = "job:read"
    JOB_WRITE = "job:write"
    """Queue jobs, and stop them."""
    USAGE_READ = "usage:read"
    MODEL_USE = "model:use"
    """Ask the tenant's models, at the gateway."""
    JOB_SUBMIT = "job:submit"
    """Ray's job API of the tenant's clusters, at the gateway."""
    EVENT_READ = "event:read"
    METRICS_READ = "metrics:read"
    WEBHOOK_READ = "webhook:read"
    WEBHOOK_WRITE = "webhook:write"
    USER_READ = "user:read"
    USER_WRITE = "user:write"
    AUDIT_READ = "audit:read"
    NETBOX_READ = "netbox:read"
    NETBOX_WRITE = "netbox:write"
    SETUP = "setup"


_ALL = frozenset(Permission)
_ABOUT_PEOPLE = frozenset(
    {
        Permission.KEY_READ,
        Permission.USER_READ,
        Permission.AUDIT_READ,
        Permission.WEBHOOK_READ,  # the address of many a receiver is its secret
    }
)
_VIEWER = frozenset(p for p in _ALL if p.endswith(":read")) - _ABOUT_PEOPLE | {Permission.SELF}
_TENANT = frozenset(
    {
        Permission.SELF,
        Permission.CERTIFICATE_KEY_READ,
        Permission.TENANT_READ,
        Permission.QUOTA_READ,
        Permission.KEY_READ,
        Permission.KEY_WRITE,
        Permission.CLAIM_READ,
        Permission.CLAIM_WRITE,
        Permission.CLUSTER_READ,
        Permission.DEPLOYMENT_READ,
        Permission.DEPLOYMENT_WRITE,
        Permission.JOB_READ,
        Permission.JOB_WRITE,
        Permission.USAGE_READ,
        Permission.MODEL_USE,
        Permission.JOB_SUBMIT,
        Permission.EVENT_READ,  # of its own: `TenantStore` hides the others'
    }
)

ROLES: dict[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "operator": _VIEWER
    | {
        Permission.HOST_WRITE,
        Permission.POD_WRITE,
        Permission.FLEET_WRITE,
        Permission.NETBOX_WRITE,
        Permission.PLACE_WRITE,
        Permission.PART_WRITE,
        Permission.EXPECTED_WRITE,
        Permission.JOURNAL_WRITE,
    },
    "admin": _ALL - {Permission.SETUP, Permission.MODEL_USE, Permission.JOB_SUBMIT},
    "tenant": _TENANT,
    "setup": frozenset({Permission.SETUP}),
}
"""What each role may do. A role that is not here may do nothing."""


AT_A_SITE = frozenset(
    {
        Permission.SELF,
        Permission.HOST_READ,
        Permission.HOST_WRITE,
        Permission.POD_READ,
        Permission.POD_WRITE,
        Permission.PLACE_READ,
        Permission.PLACE_WRITE,
        Permission.UNIT_READ,
        Permission.CERTIFICATE_READ,
        Permission.CERTIFICATE_KEY_READ,
        Permission.EVENT_READ,
    }
)
"""What a role at one site gives there. Anything else is about the whole service (people, keys,
tenants and what is theirs, the audit log), and needs a role that holds everywhere: or an admin of
one site could make an admin of all."""


def roles_with(permission: Permission) -> str:
    """The roles that may do this, for a hint."""
    return " or ".join(role for role, may in ROLES.items() if permission in may)
