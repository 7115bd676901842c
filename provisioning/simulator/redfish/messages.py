"""Redfish's error bodies, out of the few messages of the Base registry that these services use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REGISTRY_VERSION = "Base.1.19"

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the Base registry, shortened to what a client reads."""

    text: str
    severity: str
    resolution: str


_AGAIN = "Correct the request and send it again."
MESSAGES: dict[str, Message] = {
    "Success": Message("The request completed successfully.", "OK", "None."),
    "GeneralError": Message("A general error has occurred.", "Critical", "None."),
    "InternalError": Message("The request failed due to an internal error.", "Critical", "Retry."),
    "MalformedJSON": Message("The request body is not valid JSON.", "Critical", _AGAIN),
    "UnrecognizedRequestBody": Message("The request body is not understood.", "Warning", _AGAIN),
    "EmptyJSON": Message("The request body holds no property to change.", "Warning", _AGAIN),
    "ResourceMissingAtURI": Message(
        "The resource at the URI '%1' was not found.", "Critical", "Walk from the service root."
    ),
    "OperationNotAllowed": Message(
        "The HTTP method is not allowed on this resource.", "Critical", "See the Allow header."
    ),
    "NoValidSession": Message(
        "There is no valid session or credential.", "Critical", "Create a session, then retry."
    ),
    "InsufficientPrivilege": Message(
        "The credentials lack the privilege for this request.", "Critical", "Use another account."
    ),
    "SessionLimitExceeded": Message(
        "The number of sessions has reached its limit.", "Critical", "Close another session first."
    ),
    "PropertyUnknown": Message("The property %1 is unknown here.", "Warning", _AGAIN),
    "PropertyNotWritable": Message("The property %1 is read only.", "Warning", _AGAIN),
    "PropertyMissing": Message("The property %1 is required.", "Warning", _AGAIN),
    "PropertyValueTypeError": Message("The value of %2 has the wrong type.", "Warning", _AGAIN),
    "PropertyValueNotInList": Message("The value %1 of %2 is not allowed.", "Warning", _AGAIN),
    "PropertyValueFormatError": Message("The format of %2 is wrong.", "Warning", _AGAIN),
    "ActionParameterMissing": Message("Action %1 needs parameter %2.", "Critical", _AGAIN),
    "ActionParameterUnknown": Message("Action %1 has no parameter %2.", "Warning", _AGAIN),
    "ActionParameterNotSupported": Message(
        "The value of parameter %1 of action %2 is not supported.", "Warning", _AGAIN
    ),
    "ActionNotSupported": Message("There is no action %1 here.", "Critical", _AGAIN),
    "QueryNotSupportedOnResource": Message("Querying is not supported here.", "Warning", _AGAIN),
    "QueryNotSupported": Message("This query is not supported.", "Warning", _AGAIN),
    "QueryParameterUnsupported": Message("Query parameter %1 is unsupported.", "Warning", _AGAIN),
    "QueryParameterValueError": Message("Query parameter %2 is invalid.", "Warning", _AGAIN),
    "QueryParameterOutOfRange": Message("Query parameter %2 is out of range.", "Warning", _AGAIN),
    "ResourceInUse": Message("The resource is in use.", "Warning", "Wait, then retry."),
    "ResourceInStandby": Message("The host is powered off.", "Critical", "Power it on first."),
    "ResourceAlreadyExists": Message("A resource with this %2 exists.", "Critical", _AGAIN),
    "ResourceCannotBeDeleted": Message("The resource cannot be deleted.", "Critical", "None."),
    "ServiceTemporarilyUnavailable": Message(
        "The service is busy; retry in %1 seconds.", "Critical", "Wait, then retry."
    ),
    "PreconditionFailed": Message("The ETag did not match.", "Critical", "Read, then retry."),
    "HeaderInvalid": Message("The header %1 is invalid.", "Critical", _AGAIN),
}


def message(message_id: str, *arguments: str, target: str = "") -> Body:
    """One Message object, as extended information and tasks carry it."""
    known = MESSAGES[message_id]
    text = known.text
    for index, argument in enumerate(arguments, 1):
        text = text.replace(f"%{index}", argument)
    used = known.text.count("%")
    body: Body = {
        "@odata.type": "#Message.v1_3_0.Message",
        "MessageId": f"{REGISTRY_VERSION}.{message_id}",
        "Message": text,
        "MessageArgs": list(arguments) if used else [],
        "MessageSeverity": known.severity,
        "Resolution": known.resolution,
    }
    if target:
        body["RelatedProperties"] = [f"/{target}"]
    return body


def error_body(message_id: str, *arguments: str, target: str = "") -> Body:
    """The body of every refusal."""
    info = message(message_id, *arguments, target=target)
    return {
        "error": {
            "code": info["MessageId"],
            "message": info["Message"],
            "@Message.ExtendedInfo": [info],
        }
    }
