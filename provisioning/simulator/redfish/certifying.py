"""The BMC's own certificate: shown, asked for, replaced.

The key that a signing request was made for stays in the BMC, and a certificate for any other key is
refused. A new one is shown by every later handshake; open connections keep the old one.
"""

from __future__ import annotations

from provisioning.simulator.bmc import SimulatedBmc
from provisioning.simulator.errors import ActionRefused
from provisioning.simulator.redfish import checks
from provisioning.simulator.redfish.answer import Answer
from provisioning.simulator.redfish.resource import (
    ENABLED,
    ROOT,
    Body,
    Builders,
    collection,
    link,
    resource,
)

SERVICE = f"{ROOT}/CertificateService"
GENERATE = f"{SERVICE}/Actions/CertificateService.GenerateCSR"
REPLACE = f"{SERVICE}/Actions/CertificateService.ReplaceCertificate"
NAME_CHARS_MAX = 253


def fixed(bmc: SimulatedBmc) -> Builders:
    """The service, and the one certificate of HTTPS."""
    protocol = f"{bmc.paths.manager}/NetworkProtocol"
    listed = f"{protocol}/HTTPS/Certificates"
    return {
        SERVICE: lambda: resource(
            SERVICE,
            "CertificateService.v1_0_6.CertificateService",
            name="Certificate Service",
            Actions={
                "#CertificateService.GenerateCSR": {"target": GENERATE},
                "#CertificateService.ReplaceCertificate": {"target": REPLACE},
            },
        ),
        protocol: lambda: resource(
            protocol,
            "ManagerNetworkProtocol.v1_10_0.ManagerNetworkProtocol",
            name="Network Protocol",
            HTTPS={"ProtocolEnabled": True, "Certificates": link(listed)},
            IPMI={"ProtocolEnabled": _listens_to_ipmi(bmc), "Port": 623},
            Status=ENABLED,
        ),
        listed: lambda: collection(
            listed, "CertificateCollection", name="Certificates", members=["1"]
        ),
        f"{listed}/1": lambda: resource(
            f"{listed}/1",
            "Certificate.v1_8_2.Certificate",
            name="HTTPS Certificate",
            CertificateString=bmc.tls.pem() if bmc.tls else "",
            CertificateType="PEM",
        ),
    }


def _listens_to_ipmi(bmc: SimulatedBmc) -> bool:
    """Off, unless the host was delivered otherwise and nobody has switched it off."""
    planted = bmc.host.faults.planted("ipmi-open")
    return planted is not None and not bmc.host.state.ipmi_closed


async def patch_protocol(bmc: SimulatedBmc, body: Body) -> Answer:
    """Switch IPMI over LAN off; a BMC that lies answers as if it had."""
    path = f"{bmc.paths.manager}/NetworkProtocol"
    readable = fixed(bmc)[path]()
    found = checks.properties(body, writable={"IPMI": dict}, readable=readable.keys())
    wanted = checks.properties(
        found["IPMI"], writable={"ProtocolEnabled": bool}, readable=("Port",), under="IPMI/"
    )
    planted = bmc.host.faults.planted("ipmi-open")
    if planted is not None and planted.word("stays") != "yes":
        bmc.host.state.ipmi_closed = not wanted["ProtocolEnabled"]
        bmc.host.save()
        bmc.host.journal("bmc.ipmi", enabled=wanted["ProtocolEnabled"])
    return Answer(status=200, body=fixed(bmc)[path]())


async def generate(bmc: SimulatedBmc, body: Body) -> Answer:
    """CertificateService.GenerateCSR."""
    action = "CertificateService.GenerateCSR"
    checks.parameters(
        body,
        action=action,
        known={
            "CertificateCollection": dict,
            "CommonName": str,
            "AlternativeNames": list,
            "KeyPairAlgorithm": str,
            "KeyCurveId": str,
        },
    )
    wanted = checks.required(body, "CertificateCollection", action=action)
    name = checks.required(body, "CommonName", action=action)
    known = link(f"{bmc.paths.manager}/NetworkProtocol/HTTPS/Certificates")
    if wanted != known or not name or len(name) > NAME_CHARS_MAX or bmc.tls is None:
        raise ActionRefused(400, "ActionParameterNotSupported", "CommonName", action)
    answer = {"CertificateCollection": known, "CSRString": bmc.tls.request(name)}
    return Answer(status=200, body=answer)


async def replace(bmc: SimulatedBmc, body: Body) -> Answer:
    """CertificateService.ReplaceCertificate."""
    action = "CertificateService.ReplaceCertificate"
    checks.parameters(
        body,
        action=action,
        known={"CertificateString": str, "CertificateType": str, "CertificateUri": dict},
    )
    pem = checks.required(body, "CertificateString", action=action)
    path = f"{bmc.paths.manager}/NetworkProtocol/HTTPS/Certificates/1"
    if checks.required(body, "CertificateUri", action=action) != link(path):
        raise ActionRefused(400, "ActionParameterNotSupported", "CertificateUri", action)
    if bmc.tls is None or not bmc.tls.install(pem):
        raise ActionRefused(400, "ActionParameterNotSupported", "CertificateString", action)
    return Answer(status=200, headers={"Location": path}, body=link(path))
