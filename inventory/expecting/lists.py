"""A list of expected hosts as people keep it: a spreadsheet saved as CSV, read cell by cell.

Pure: bytes in, rows and all that is wrong out. Spreadsheets add a byte-order mark, write with
semicolons or in UTF-16, compute what begins with a sign and round long numbers; what can be read
without a guess is read, and the rest is told with its line, its column and its value. Passwords are
taken as they stand and shown to nobody.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from inventory.expected_hosts import LIST_MAX_BYTES
from inventory.exporting import FORMULA
from inventory.refusals import Refused

ROWS_MAX = 20_000
CELL_MAX = 1024
FAULTS_MAX = 500
"""Told at once; a list with more is of another kind."""

NEEDED = ("name", "pod", "slot", "serial")
COLUMNS = (
    *NEEDED,
    *("uuid", "mac", "bmc", "fingerprint", "account", "username", "password", "enrol"),
)
OTHER_NAMES = {
    "macs": "mac",
    "mac address": "mac",
    "bmc address": "bmc",
    "user": "username",
    "serial number": "serial",
    "enroll": "enrol",
}
USUAL_PORTS = {"redfish+https": ":443", "ipmi": ":623"}
"""Left out, so that one address has one spelling."""
DELIMITERS = (",", ";", "\t")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_SERIAL = re.compile(r"[\x21-\x7e]{1,255}")
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]{2,3}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MAC = re.compile(r"[0-9a-f]{12}")
_FINGERPRINT = re.compile(r"sha256:[0-9a-fA-F]{64}")
_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"", "no", "false", "0"})
_NONE = frozenset({"", "none", "-"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a list."""

    line: int
    column: str
    value: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Row:
    """One expected host as a list has it; every value has the form that a record takes."""

    line: int
    name: str
    pod: str
    slot: str
    serial: str
    uuid: str = ""
    macs: tuple[str, ...] = ()
    bmc: str = ""
    fingerprint: str = ""
    account: str = ""
    username: str = ""
    password: SecretStr | None = None
    enrol: bool = False


@dataclass(slots=True)
class Listed:
    """What a list says, and what is wrong with it."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_list(raw: bytes) -> Listed:
    """Every row of a CSV; Refused when it is none at all."""
    text = _text(raw)
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = Listed()
    try:
        columns = _columns(next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _read_row(found, columns, cells, line)
            if len(found.rows) > ROWS_MAX:
                raise _refused("", "", f"more than {ROWS_MAX} rows", "import it in parts")
            if len(found.faults) >= FAULTS_MAX:
                break
            line = reader.line_num + 1
    except csv.Error as error:
        where, hint = f"line {reader.line_num}", "look for a quote that is not closed"
        raise _refused(where, "", f"not CSV: {error}", hint) from error
    found.faults += doubles(found.rows)
    return found


def mac_of(text: str) -> str:
    """A MAC address with colons, however it was written; empty when it is none."""
    plain = re.sub(r"[:.\-]", "", text.strip().lower())
    if not _MAC.fullmatch(plain) or int(plain[:2], 16) & 1 or not int(plain, 16):
        return ""
    return ":".join(plain[at : at + 2] for at in range(0, 12, 2))


def address_of(text: str) -> str:
    """A BMC's address with its scheme; what has none is Redfish."""
    text = text.strip().rstrip("/")
    if text.lower() in _NONE:
        return ""
    if "://" not in text:
        bare = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
        text = f"redfish+https://{bare}"
    usual = USUAL_PORTS.get(text.partition("://")[0], "")
    return text.removesuffix(usual) if usual else text


FORMS: dict[str, tuple[Callable[[str], object], str, str]] = {
    **dict.fromkeys(
        ("name", "pod", "slot"),
        (_NAME.fullmatch, "not a name", "small letters, digits, dots and hyphens, 63 at most"),
    ),
    "account": (_NAME.fullmatch, "not the name of an account", "see `podyard bmc accounts`"),
    "serial": (_SERIAL.fullmatch, "not a serial number", "as the label has it, without spaces"),
    "uuid": (_UUID.fullmatch, "not a UUID", "8-4-4-4-12 hexadecimal digits"),
    "mac": (
        lambda text: all(mac_of(one) for one in _many(text)),
        "not a MAC address",
        "12 hexadecimal digits; several with spaces between them",
    ),
    "fingerprint": (
        _FINGERPRINT.fullmatch,
        "not a fingerprint",
        "sha256: and 64 hexadecimal digits, of the certificate (DER)",
    ),
    "enrol": (
        lambda text: text.lower() in _YES | _NO,
        "neither yes nor no",
        "yes makes it a host as soon as its BMC is found",
    ),
}
"""Column to what its cells must be, what is said of one that is not, and what to do."""


def _text(raw: bytes) -> str:
    if len(raw) > LIST_MAX_BYTES:
        raise _refused("", "", "more than 4 MiB", "import it in parts")
    marks = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if raw.startswith(mark)), "utf-8-sig")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        place, byte = f"byte {error.start}", f"0x{raw[error.start]:02x}"
        hint = "save it as CSV UTF-8"
        said = f"the list is not {encoding.removesuffix('-sig')} text"
        raise _refused(place, byte, said, hint) from error
    if "\0" in text:
        raise _refused("", "", "the list has NUL bytes", "save it as CSV, not as a workbook")
    return text


def _columns(head: Sequence[str]) -> list[str]:
    names = [OTHER_NAMES.get(one, one) for one in (cell.strip().lower() for cell in head)]
    known = ", ".join(COLUMNS)
    if not any(names):
        raise _refused("line 1", "", "the list is empty", f"its first line names columns: {known}")
    for at, name in enumerate(names):
        if name not in COLUMNS:
            said = f"column {at + 1} is none that a list has"
            raise _refused("line 1", head[at][:40], said, f"columns are {known}")
        if name in names[:at]:
            raise _refused("line 1", name, "this column stands twice", "keep one of the two")
    for name in NEEDED:
        if name not in names:
            raise _refused("line 1", name, "this column is missing", f"needed: {', '.join(NEEDED)}")
    return names


def _read_row(found: Listed, columns: Sequence[str], cells: Sequence[str], line: int) -> None:
    if len(cells) > len(columns):
        hint = "quote a cell that holds the delimiter"
        surplus = f"{len(cells)} cells"
        found.faults.append(Fault(line, "", surplus, f"there are {len(columns)} columns", hint))
        return
    read_cells(found, dict(zip(columns, cells, strict=False)), line)


def read_cells(found: Listed, given: dict[str, str], line: int) -> None:
    """One row by its columns, wherever it comes from: it joins the rows, or the faults."""
    faults = [
        Fault(line, column, "" if column == "password" else cell[:80], message, hint)
        for column, cell in given.items()
        for message, hint in _complaints(column, cell)
    ]
    if not faults:
        faults = list(_account_faults(given, line))
    if faults:
        found.faults += faults
        return
    values = {name: _plain(cell) for name, cell in given.items() if name != "password"}
    password = given.get("password", "")
    found.rows.append(
        Row(
            line=line,
            **{name: values.get(name, "") for name in (*NEEDED, "account", "username")},
            uuid=values.get("uuid", "").lower(),
            macs=tuple(dict.fromkeys(mac_of(one) for one in _many(values.get("mac", "")))),
            bmc=address_of(values.get("bmc", "")),
            fingerprint=values.get("fingerprint", "").lower(),
            password=SecretStr(password) if password else None,
            enrol=values.get("enrol", "").lower() in _YES,
        )
    )


def _plain(cell: str) -> str:
    """A cell without its edges, and without the apostrophe that our own export puts in front."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def _many(cell: str) -> list[str]:
    return [one for one in re.split(r"[\s|;,]+", cell) if one]


def _complaints(column: str, cell: str) -> Iterator[tuple[str, str]]:
    """What is wrong with one cell, each with what to do."""
    if len(cell) > CELL_MAX:
        yield f"more than {CELL_MAX} characters", "check the quotes of this line"
    elif not cell.isprintable():
        yield "it has letters that do not show", "remove tabs, line ends and control characters"
    elif column != "password":
        yield from _form_complaints(column, _plain(cell))


def _form_complaints(column: str, text: str) -> Iterator[tuple[str, str]]:
    if not text or text == "-":
        if column in NEEDED:
            yield "this is needed", "fill it in"
    elif column == "serial" and _ROUNDED.fullmatch(text):
        yield "a spreadsheet rounded this number", "format the column as text and fill it in again"
    elif text.startswith(FORMULA):
        yield "a spreadsheet would compute this", "a value does not begin with = + - or @"
    elif column in FORMS and not FORMS[column][0](text):
        yield FORMS[column][1:]


def _account_faults(given: dict[str, str], line: int) -> Iterator[Fault]:
    """Either an account by name, or a user with a password, or (for later) nothing."""
    account, username = (given.get(name, "").strip() for name in ("account", "username"))
    password = given.get("password", "")
    if account and (username or password):
        hint = "leave username and password empty, or the account"
        yield Fault(line, "account", account[:80], "it has an account twice", hint)
    elif bool(username) != bool(password):
        missing = "password" if username else "username"
        yield Fault(line, missing, "", "a user and a password go together", "fill in both")


def doubles(rows: Sequence[Row]) -> Iterator[Fault]:
    """What two rows cannot both have."""
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        signs = {"name": row.name, "serial": row.serial, "slot": f"{row.pod}/{row.slot}"}
        signs |= {"uuid": row.uuid, "bmc": row.bmc}
        told = [*signs.items(), *(("mac", one) for one in row.macs)]
        for column, value in told:
            first = seen.setdefault((column, value), row.line) if value else row.line
            if first != row.line:
                message = f"line {first} has this {column} already"
                hint = f"every host needs a {column} of its own"
                yield Fault(row.line, column, value[:80], message, hint)


def _refused(path: str, value: str, message: str, hint: str) -> Refused:
    return Refused(422, "invalid", message, path=path or None, value=value or None, hint=hint)
