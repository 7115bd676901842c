"""Which NIC the firmware asks first when it boots over the network.

A System lists its boot options by reference, in the order in which they are tried; what an option
is says its UEFI device path, where the MAC address of a NIC stands. The order is changed as a
whole, so everything that is no NIC is put back where it was. Where a System has a settings object
that holds the order of the next start, that one is read and written: the order in force says
nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from provisioning.drivers.redfish.answers import Answer, Json, mapping, reference, text
from provisioning.drivers.redfish.resources import Resources
from provisioning.errors import Unsupported

_MAC = re.compile(r"(?:^|/)MAC\(([0-9A-Fa-f]{12}),", re.ASCII)
_HTTP = "/Uri("
"""An option of a NIC that boots over HTTP; the others of the same NIC are PXE."""


async def boot_nics(resources: Resources) -> tuple[str, ...]:
    """MAC addresses of the NICs that boot over HTTP, as the firmware asks them."""
    system = await resources.system()
    coming = await _coming(resources, system)
    options = await _options(resources, system.body)
    found = [_mac(options[one]) for one in _order(coming.body) if one in options]
    return tuple(dict.fromkeys(mac for mac in found if mac))


async def put_boot_nic_first(resources: Resources, mac: str) -> None:
    """Move this NIC's options before those of all other NICs, unless they are."""
    system = await resources.system()
    coming = await _coming(resources, system)
    options, order = await _options(resources, system.body), _order(coming.body)
    nics = [one for one in order if one in options and _mac(options[one])]
    own = [one for one in nics if _mac(options[one]) == mac.lower()]
    if not own:
        raise Unsupported(
            f"{resources.session.label}: this BMC lists no HTTP boot by NIC {mac}",
            hint="enable HTTP boot of that port in the BIOS settings, or correct the spec's port",
        )
    wanted = iter([*own, *(one for one in nics if one not in own)])
    fresh = [next(wanted) if one in nics else one for one in order]
    if fresh != order:
        await resources.session.patch(coming.path, {"Boot": {"BootOrder": fresh}}, etag=coming.etag)


async def _coming(resources: Resources, system: Answer) -> Answer:
    """Where the order of the next start stands: a settings object, or the System itself."""
    path = reference(system.body, "@Redfish.Settings", "SettingsObject")
    settings = await resources.optional(path)
    return settings if settings is not None and _order(settings.body) else system


def _order(system: Json) -> Sequence[str]:
    said = mapping(system.get("Boot")).get("BootOrder")
    return [text(one) for one in said] if isinstance(said, list) else []


async def _options(resources: Resources, system: Json) -> dict[str, Json]:
    """Every option that is enabled, by the reference that the order uses."""
    listed = await resources.members(reference(mapping(system.get("Boot")), "BootOptions"))
    return {
        text(one.get("BootOptionReference")): one
        for one in listed
        if one.get("BootOptionEnabled") is not False
    }


def _mac(option: Json) -> str:
    """The NIC that an option boots over HTTP; empty for any other option."""
    path = text(option.get("UefiDevicePath"))
    found = _MAC.search(path)
    if found is None or _HTTP not in path:
        return ""
    digits = found[1].lower()
    return ":".join(digits[n : n + 2] for n in range(0, 12, 2))
