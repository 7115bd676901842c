"""Everything that can go wrong between podyard and a BMC, arranged by what the caller should do.

ProvisioningError
├── Retry                      the next pass may succeed; never uses up an attempt by itself
│   ├── BmcUnreachable         no connection, or none in time: nothing was sent
│   ├── BmcBusy                the BMC said 503, or has no free session
│   └── AnswerRefused          an answer too large, too deep, malformed or pointing elsewhere
├── Ambiguous                  a change was sent and its outcome is unknown: settle by observing
└── NeedsOperator              repeating it cannot help
    ├── BmcRefused             the BMC understood and said no (4xx)
    │   ├── CredentialsRefused wrong user name or password
    │   └── PasswordRefused    it does not take this new password; another may do
    ├── CertificateChanged     the pinned certificate is not the one presented: nothing was sent
    ├── WrongHost              serial or UUID is not the one on record
    └── Unsupported            the BMC lacks a resource or action that this step needs
"""

from __future__ import annotations


class ProvisioningError(Exception):
    """Base of all; `hint` ends a message shown to a person."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Retry(ProvisioningError):
    """The next pass may succeed."""


class BmcUnreachable(Retry):
    """No connection within the deadline; nothing was sent."""


class BmcBusy(Retry):
    """The BMC asked to come back later, or has no free session."""


class AnswerRefused(Retry):
    """The answer broke a cap (size, depth, time) or a rule (redirect, foreign link, not JSON)."""


class Ambiguous(ProvisioningError):
    """A change was sent and no trustworthy answer came back."""


class NeedsOperator(ProvisioningError):
    """Repeating it cannot help."""


class BmcRefused(NeedsOperator):
    """The BMC understood the request and refused it."""

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class CredentialsRefused(BmcRefused):
    """The BMC refused the user name or password."""


class PasswordRefused(BmcRefused):
    """The BMC does not take this password for an account: its length, or the signs in it."""


class CertificateChanged(NeedsOperator):
    """The certificate presented is not the pinned one; no credentials were sent."""


class WrongHost(NeedsOperator):
    """Serial or UUID differ from the record: a swapped cable, board or address."""


class Unsupported(NeedsOperator):
    """The BMC lacks what this step needs."""
