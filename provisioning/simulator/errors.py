"""What can stop a simulated hall from being built or started, each with what to do about it."""

from __future__ import annotations


class HallError(Exception):
    """The hall cannot do what was asked; `hint` ends the message a person reads."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class UnknownFault(HallError):
    """A fault, or one of its parameters, that no registry entry describes."""


class UnknownModel(HallError):
    """A host model that the simulator does not have, or a host type that the spec does not."""


class HallBusy(HallError):
    """Another simulator holds the state directory or one of the ports."""


class LaunchRefused(HallError):
    """A host's processes could not be started, stopped or attached to a network."""


class MediaRefused(HallError):
    """An image or a boot document could not be fetched or understood."""


class MediaUnreachable(MediaRefused):
    """It never arrived: nothing answered, or not to the end."""


class ActionRefused(Exception):
    """A BMC says no to one request: the HTTP status, and a message of Redfish's Base registry."""

    def __init__(self, status: int, message_id: str, *arguments: str, target: str = "") -> None:
        super().__init__(f"{status} {message_id} {' '.join(arguments)}".rstrip())
        self.status = status
        self.message_id = message_id
        self.arguments = arguments
        self.target = target
        """The property at fault, as a JSON pointer without its leading slash."""
