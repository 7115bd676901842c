"""A host whose BMC is as its vendor left it: a password on a label, ways in that stand open.

What the BMC takes and shows is kept by the hardware: it refuses a wrong password and is not spoken
to under a wrong pin. Its journal has what really changed at it, each time that it did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from inventory.applying import BMC_PASSWORD
from inventory.authority import Authority
from inventory.model import Host
from inventory.store.protocol import Change
from provisioning.bmcs import BmcPool
from provisioning.drivers.capabilities import (
    BmcAccount,
    BmcCertificate,
    BmcRole,
    Ciphers,
    PasswordPolicy,
)
from provisioning.drivers.protocol import BmcIdentity
from provisioning.errors import BmcRefused, CertificateChanged, CredentialsRefused
from provisioning.settings import ProvisioningSettings
from provisioning.world import World
from tests.make import NOW, make_host
from tests.unit.provisioning.iron import Iron, IronBmc, as_left
from tests.unit.provisioning.one_host import Drawer, drawer

LABEL = "on-the-label"
"""The password that whoever saw the label knows."""
STRONG = (3, 17)


@dataclass
class Adoptee(Iron):
    """Iron with a BMC that is not the site's own yet."""

    password: str = LABEL
    pin: str = make_host().bmc.fingerprint
    key: ec.EllipticCurvePrivateKey | None = None
    ipmi_open: bool = False
    weak: tuple[int, ...] = ()
    stubborn: bool = False
    """It says yes and closes nothing."""

    def enter(self, password: SecretStr, pin: str) -> None:
        """A handshake, then a login."""
        if pin != self.pin:
            raise CertificateChanged("the BMC shows another certificate than the pinned one")
        if password.get_secret_value() != self.password:
            raise CredentialsRefused("401", status=401)

    def set_password(self, password: SecretStr) -> None:
        """A new one; the one before opens nothing any more."""

        def give() -> None:
            self.journal.append("new password")
            self.password = password.get_secret_value()

        self._change("password", give)

    def close_ipmi(self) -> None:
        """Nothing is done to what is closed."""

        def close() -> None:
            if self.ipmi_open and not self.stubborn:
                self.journal.append("close IPMI over LAN")
                self.ipmi_open = False

        self._change("IPMI over LAN", close)

    def close_weak(self) -> None:
        """The same with the suites."""

        def close() -> None:
            if self.weak and not self.stubborn:
                self.journal.append(f"close suites {self.weak}")
                self.weak = ()

        self._change("suites", close)

    def make_key(self, name: str) -> str:
        """A key of its own, and the request for it."""
        self.journal.append("make a key")
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        signed = request.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def show(self, pem: str) -> None:
        """What it shows from now on; a certificate for another key than its last is refused."""
        found = x509.load_pem_x509_certificate(pem.encode())
        if self.key is None or found.public_key() != self.key.public_key():
            raise BmcRefused("400: no such key", status=400)

        def install() -> None:
            self.journal.append("another certificate")
            der = found.public_bytes(serialization.Encoding.DER)
            self.pin = f"sha256:{hashlib.sha256(der).hexdigest()}"

        self._change("certificate", install)


class AdopteeBmc(IronBmc):
    """The driver's port to it, with the password and the pin that it was opened with."""

    def __init__(self, iron: Adoptee, password: SecretStr, pin: str) -> None:
        super().__init__(iron)
        self._adoptee, self._password, self._pin = iron, password, pin

    @property
    def entered(self) -> Adoptee:
        """The BMC, behind its login."""
        self._adoptee.enter(self._password, self._pin)
        return self._adoptee

    async def identity(self) -> BmcIdentity:
        """Who it is."""
        return await self.entered.identity()


class RedfishAdoptee(AdopteeBmc):
    """Spoken to over Redfish: accounts, a certificate, and IPMI beside it."""

    async def ipmi_over_lan(self) -> bool:
        """Whether it listens."""
        return self.entered.ipmi_open

    async def close_ipmi_over_lan(self) -> None:
        """It listens no more."""
        self.entered.close_ipmi()

    async def password_policy(self) -> PasswordPolicy:
        """No bounds."""
        return PasswordPolicy()

    async def accounts(self) -> tuple[BmcAccount, ...]:
        """Only ours."""
        return ()

    async def create_account(self, username: str, password: SecretStr, role: BmcRole) -> BmcAccount:
        """Nobody asks for that here."""
        raise NotImplementedError

    async def delete_account(self, username: str) -> None:
        """Nor for that."""
        raise NotImplementedError

    async def set_account_password(self, username: str, password: SecretStr) -> None:
        """Another password."""
        del username
        self.entered.set_password(password)

    async def certificates(self) -> tuple[BmcCertificate, ...]:
        """None that anybody reads."""
        return ()

    async def request_certificate(self, common_name: str) -> str:
        """A request for a key that it makes."""
        return self.entered.make_key(common_name)

    async def install_certificate(self, pem: str) -> None:
        """Show this one."""
        self.entered.show(pem)


class IpmiAdoptee(AdopteeBmc):
    """Spoken to over IPMI, which has suites."""

    async def ciphers(self) -> Ciphers:
        """What is enabled."""
        weak = self.entered.weak
        return Ciphers(enabled=(*weak, *STRONG), weak=weak)

    async def close_weak_ciphers(self) -> None:
        """None of the weak ones any more."""
        self.entered.close_weak()


@dataclass
class Adoption(Drawer):
    """A drawer whose controllers log in for real, and sign certificates."""

    authority: Authority | None = None
    speaks: type[AdopteeBmc] = RedfishAdoptee

    @cached_property
    def adoptee(self) -> Adoptee:
        """The iron, by its own name."""
        assert isinstance(self.iron, Adoptee)
        return self.iron

    def stored(self, host: Host) -> SecretStr:
        """The password on record."""
        sealed = self.store.secret(host.id, BMC_PASSWORD)
        return self.box.unseal(host.id, BMC_PASSWORD, sealed or b"")

    def world(self) -> World:
        """The drawer's, with what adoption needs."""

        async def opened(host: Host, password: SecretStr) -> Any:
            return self.speaks(self.adoptee, password, host.bmc.fingerprint)

        async def password(host: Host) -> SecretStr:
            return self.stored(host)

        return replace(
            super().world(),
            bmcs=BmcPool(opened, password),
            bmc_authority=self.authority,
            settings=ProvisioningSettings(bmc_certificates=self.authority is not None),
        )

    def left(self) -> dict[str, Any]:
        """What the BMC is in the end, and what the records say of it."""
        host, iron = self.host(), self.adoptee
        done = host.adoption
        return {
            **as_left(iron),
            "state": host.state,
            "its password is ours": self.stored(host).get_secret_value() == iron.password,
            "its password is on a label": iron.password == LABEL,
            "it shows what is pinned": host.bmc.fingerprint == iron.pin,
            "signed": done.certificate_until is not None,
            "IPMI over LAN": iron.ipmi_open,
            "weak suites": iron.weak,
            "found": done.findings,
            "whose password": host.bmc.credentials,
            "times corrected": host.bmc.revision,
            "under way": (host.rotation, host.renewal),
        }


@contextmanager
def adopted(
    folder: Path,
    speaks: type[AdopteeBmc] = RedfishAdoptee,
    *,
    certificates: bool = False,
    **iron: Any,
) -> Iterator[Adoption]:
    """A host that is expected, and nothing was done to its BMC yet."""
    whose = "own" if speaks is IpmiAdoptee else "factory"
    bmc = make_host().bmc.model_copy(update={"credentials": whose})
    with drawer(folder, bmc=bmc) as base:
        sealed = base.box.seal("host-1", BMC_PASSWORD, SecretStr(LABEL))
        base.store.apply(Change(secrets={("host-1", BMC_PASSWORD): sealed}), now=NOW)
        yield Adoption(
            base.clock,
            Adoptee(base.clock, **iron),
            base.store,
            base.keys,
            base.box,
            lives=base.lives,
            authority=Authority.open(folder / "authority", now=NOW) if certificates else None,
            speaks=speaks,
        )
