"""Supermicro: X11 to X13 and H13."""

from __future__ import annotations

from provisioning.drivers.vendors.quirk import Quirk, made_by

_SUPERMICRO = made_by("supermicro", "super micro")

QUIRKS = (
    Quirk(
        name="supermicro-virtual-cd-is-usb",
        vendor="Supermicro",
        seen_on="X11 and X12",
        source="sushy 5.14, resources/system/system.py",
        meaning="boots from virtual media as UsbCd; Cd is listed and does not boot",
        applies=_SUPERMICRO,
        habit={"cd_target": "UsbCd"},
    ),
    Quirk(
        name="supermicro-insert-takes-the-image-alone",
        vendor="Supermicro",
        seen_on="X11 and X12",
        source="sushy 5.14, resources/manager/virtual_media.py",
        meaning="refuses InsertMedia with Inserted or WriteProtected in it",
        applies=_SUPERMICRO,
        habit={"insert_bare": True},
    ),
    Quirk(
        name="supermicro-ejected-image-stays-named",
        vendor="Supermicro",
        seen_on="X12STW-TF and H13SRD-F",
        source="ansible-collections/community.general #12537",
        meaning="names the image after it was ejected; ConnectedVia alone tells that it is gone",
        applies=_SUPERMICRO,
        habit={"not_connected_is_empty": True},
    ),
)
