"""What every vendor's module gives: how to take a request apart, how to answer it, how to read an event later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

NOTHING = msgspec.Raw(b"null")


class Envelope(msgspec.Struct, array_like=True):
    """What is written beside the events of a request: all that the loader needs to read them.

    Attributes:
        received_at: Microseconds since 1970, UTC.
        source: The source's name.
        vendor: Which module reads the events.
        call: Which of the vendor's calls it was.
        sent_at: When the client says it sent the request, as it says it.
        context: What the request says of all its events, JSON or nothing.
        reason: Why the items were refused; None where they are events to read.
        options: Of the source's configuration what reading needs (`group`, and `fields.*`).
    """

    received_at: int
    source: str
    vendor: str
    call: str
    sent_at: Any = None
    context: msgspec.Raw = NOTHING
    reason: str | None = None
    options: dict[str, str] = {}


class Row(NamedTuple):
    """One event as `receiver.events` keeps it. Times are microseconds since 1970, properties JSON text."""

    message_id: str | None
    event_type: str
    event_name: str | None
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    group_id: str | None
    email: str | None
    original_at: int | None
    occurred_at: int
    properties: str
    country: str | None
    user_agent: str | None
    library: str | None


class UnreadableEvent(ValueError):  # noqa: N818 - the name says what is wrong
    """An event that is no event; the message is the reason that the quarantine shows. It never quotes the event."""


class Parts(NamedTuple):
    """A request taken apart. Events are bytes of JSON, as they were sent."""

    events: Sequence[bytes | memoryview]
    key: str | None = None
    sent_at: Any = None
    context: msgspec.Raw = NOTHING


@dataclass(frozen=True)
class Limits:
    """What a vendor takes: bytes of a body (uncompressed), bytes of an event, events of a body."""

    body_bytes: int
    event_bytes: int
    events: int


class State(NamedTuple):
    """What a line of an export repeats about somebody: where that changed it is an event of its own."""

    call: str
    subject: str
    content: bytes


class Exported(NamedTuple):
    """A line of an export: since when the vendor knew it (microseconds since 1970), and the states it repeats."""

    known_at: int
    states: Sequence[State] = ()


class Outcome(NamedTuple):
    """What became of a request. `status` is the HTTP status; `error` is a short reason where it is not 200."""

    status: int
    call: str
    events: int
    body_bytes: int
    received_at: int
    is_form: bool
    is_verbose: bool
    error: str = ""


@dataclass(frozen=True)
class Vendor:
    """One vendor's way of sending events.

    Attributes:
        name: As `accepts` in the configuration names it.
        calls: Path to call, below the root or below the source's name.
        default_call: The call of the bare source path.
        limits: What is taken.
        split: Takes the JSON of a call apart; raises msgspec.DecodeError or RecursionError where it is none.
        answer: The body of the answer, JSON or plain text.
        read: The row of one event; raises UnreadableEvent, msgspec.DecodeError or RecursionError.
        statuses: HTTP statuses that this vendor says with another.
        page: What a GET of its paths shows, given the query; None where there is nothing to see.
        exported: What a line of the vendor's export archive says, where it has one, by the source's options; raises
            UnreadableEvent or msgspec.DecodeError where it is none. The event itself is read as the call `export`.
    """

    name: str
    calls: Mapping[str, str]
    default_call: str
    limits: Limits
    split: Callable[[str, bytes], Parts]
    answer: Callable[[Outcome], bytes]
    read: Callable[[bytes, Envelope], Row]
    statuses: Mapping[int, int] = field(default_factory=dict[int, int])
    page: Callable[[Mapping[str, str]], bytes] | None = None
    exported: Callable[[bytes, Mapping[str, str]], Exported] | None = None
