"""The hot path, raw ASGI: route, read, know the sender, take apart, let through, make durable, answer.

Nothing is answered with 200 before it is durable. What a sender got wrong is a 4xx; what we cannot do is a 503 with
Retry-After, so that every SDK sends it again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec

from ingest.receiver.bodies import Body, NotGzip, TooLarge, form_of, mended
from ingest.receiver.counters import Counts, exposition
from ingest.receiver.durable_log import NotDurable, Record
from ingest.receiver.gate import Suppressed, let_through
from ingest.receiver.group_commit import GroupCommit, Overloaded
from ingest.receiver.records import pack
from ingest.receiver.secrets import basic_user, is_one_of, signed_by_segment, signed_by_standard_webhooks
from ingest.receiver.sources import Source
from ingest.vendors.contract import Envelope, Outcome, Parts, Vendor

BODY_SECONDS = 10.0  # a body that has not arrived by then is cut
ARRIVING_BYTES = 64 * 2**20  # more than this of bodies that are not whole, and the next to grow is turned away
KEPT_OF_A_REFUSED_BODY = 100_000
KEY_FIELDS = ("api_key", "token", "writeKey")
RETRY_AFTER = (b"retry-after", b"1")
HTML = b"text/html; charset=utf-8"
OPEN_TO_BROWSERS = (b"access-control-allow-origin", b"*")
# A page holds a form with a key in it: no script runs there, it is sent to us alone, and no other page frames it.
SEALED_PAGE = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Request(NamedTuple):
    """What is known of a request before its body."""

    candidates: tuple[Source, ...]
    call: str
    headers: Mapping[bytes, bytes]
    query: Mapping[str, str]
    received_at: int


class Refused(Exception):  # noqa: N818 - the name says what happened
    """A request that is not taken, with its HTTP status; the message names no secret and quotes nothing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Receiver:
    """The ASGI application.

    Args:
        sources: Who may send.
        commit: Makes records durable.
        suppressed: Who asked to be forgotten.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        commit: GroupCommit,
        suppressed: Suppressed,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._sources = sources
        self._commit = commit
        self._suppressed = suppressed
        self._now = now
        self._routes = _routes(sources.values())
        self._counts: Counts = Counter()
        self._arriving_bytes = 0  # of bodies that are not whole yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        method: str = scope["method"]
        if method == "GET" and path in ("/health", "/metrics"):
            await self._report(path, send)
        elif method == "OPTIONS":
            allowed = [(b"access-control-allow-headers", b"*"), (b"access-control-allow-methods", b"POST")]
            await _answer(send, 204, b"", b"text/plain", *allowed)
        elif (routed := self._routes.get(path)) is None:
            await _answer(send, 404, b"not found", b"text/plain")
        elif method == "GET" and (page := routed[0][0].vendor.page) is not None:
            await _answer(send, 200, page(_query(scope)), HTML, *SEALED_PAGE)
        elif method not in ("POST", "PUT"):
            await _answer(send, 405, b"POST it", b"text/plain")
        else:
            candidates, call = routed
            headers, now = dict(scope["headers"]), int(self._now() * 1_000_000)
            request = Request(candidates, call, headers, _query(scope), now)
            await self._take(request, receive, send)

    async def _take(self, request: Request, receive: Receive, send: Send) -> None:
        source = _known_by_header(request)
        vendor = (source or request.candidates[0]).vendor
        status, error, events, body = 200, "", 0, b""
        form: dict[str, str] | None = None
        try:
            try:
                body = await self._read_body(request, receive, vendor.limits.body_bytes)
                form = form_of(body)
                if form is not None and "data" in form:
                    body = form["data"].encode()
                parts, spoilt = _take_apart(vendor, request.call, body)
                source = self._sender(request, source, body, form or {}, parts)
                events = await self._keep(request, source, parts, spoilt)
            except Refused as refusal:
                status, error = refusal.status, str(refusal)
                if source is not None and status in (400, 413):
                    await self._set_aside(request, source, error, [body[:KEPT_OF_A_REFUSED_BODY]])
        except (NotDurable, Overloaded):
            status, error = 503, "not taken, send it again"
        is_verbose = request.query.get("verbose") == "1" or (form or {}).get("verbose") == "1"
        outcome = Outcome(
            vendor.statuses.get(status, status),
            request.call,
            events,
            len(body),
            request.received_at,
            form is not None,
            is_verbose,
            error,
        )
        self._count(source, outcome)
        content = vendor.answer(outcome)
        more = SEALED_PAGE if vendor.page is not None else ()
        await _answer(send, outcome.status, content, _kind(content), *more, *((RETRY_AFTER,) if status == 503 else ()))

    async def _read_body(self, request: Request, receive: Receive, limit: int) -> bytes:
        """The body, uncompressed."""
        # A timer that cancels costs a third of `asyncio.timeout`, in the path that every request takes.
        task = cast(asyncio.Task[None], asyncio.current_task())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BODY_SECONDS
        timer = loop.call_at(deadline, task.cancel)
        try:
            if int(request.headers.get(b"content-length", b"0")) > limit:
                raise Refused(413, f"larger than {limit} bytes")
            return await self._whole(Body(limit, request.headers.get(b"content-encoding", b"").lower()), receive)
        except TooLarge as error:
            raise Refused(413, str(error)) from error
        except NotGzip as error:
            raise Refused(400, str(error)) from error
        except asyncio.CancelledError as error:
            if loop.time() < deadline:  # not by us
                raise
            task.uncancel()
            raise Refused(408, "the body did not arrive in time") from error
        except ValueError as error:
            raise Refused(400, "unreadable content length") from error
        finally:
            timer.cancel()

    async def _whole(self, body: Body, receive: Receive) -> bytes:
        """The body once all of it is there; meanwhile it counts among those that are not whole."""
        counted = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(499, "the sender left")
                body.add(message.get("body", b""))
                if not message.get("more_body", False):
                    return body.whole()
                self._arriving_bytes += body.size - counted
                counted = body.size
                if self._arriving_bytes > ARRIVING_BYTES:
                    raise Overloaded(f"{self._arriving_bytes} bytes of bodies that are not whole")
        finally:
            self._arriving_bytes -= counted

    def _sender(
        self, request: Request, known: Source | None, body: bytes, form: Mapping[str, str], parts: Parts
    ) -> Source:
        """Who sent it: known by a header already, or by a key in body or query, or by a signature."""
        if known is not None:
            return known
        given = (parts.key, *(values.get(name) for values in (form, request.query) for name in KEY_FIELDS))
        keys = [key.encode("utf-8", "replace") for key in given if key]
        for source in request.candidates:
            if source.signature is not None:
                if _is_signed(source, request, body, parts, self._now()):
                    return source
            elif any(is_one_of(key, source.keys) for key in keys):
                return source
        raise Refused(401, "Invalid API key: none of a source")

    async def _keep(self, request: Request, source: Source, parts: Parts, spoilt: Sequence[bytes]) -> int:
        """Make the events durable that may be kept; how many."""
        limits = source.vendor.limits
        if len(parts.events) + len(spoilt) > limits.events:
            raise Refused(413, f"more than {limits.events} events")
        envelope = _envelope(request, source, parts)
        passed = let_through(parts.events, source, envelope, self._suppressed.hashes(self._now()))
        if passed.without_consent or passed.suppressed:
            self._counts["pql_receiver_dropped_total", _labels(source, reason="consent")] += passed.without_consent
            self._counts["pql_receiver_dropped_total", _labels(source, reason="forgotten")] += passed.suppressed
        events = passed.events
        large: list[bytes] = []
        if any(len(event) > limits.event_bytes for event in events):
            large = [bytes(event[:KEPT_OF_A_REFUSED_BODY]) for event in events if len(event) > limits.event_bytes]
            events = [event for event in events if len(event) <= limits.event_bytes]
        if events:
            await self._commit.append([Record(pack(envelope, events), len(events))])
        if large:
            await self._set_aside(request, source, f"event larger than {limits.event_bytes} bytes", large)
        if spoilt:
            await self._set_aside(request, source, "text that is no Unicode", spoilt)
        self._counts["pql_receiver_events_total", _labels(source)] += len(events)
        return len(events)

    async def _set_aside(self, request: Request, source: Source, reason: str, items: Sequence[bytes]) -> None:
        """Make durable what cannot be an event, with the reason."""
        envelope = Envelope(request.received_at, source.name, source.vendor.name, request.call, reason=reason)
        await self._commit.append([Record(pack(envelope, items), len(items))])
        self._counts["pql_receiver_refused_total", _labels(source)] += len(items)

    async def _report(self, path: str, send: Send) -> None:
        if path == "/metrics":
            gauges = {"pql_receiver_healthy": float(self._commit.is_healthy)}
            await _answer(send, 200, exposition(self._counts, gauges).encode(), b"text/plain; version=0.0.4")
            return
        if not self._commit.is_healthy:  # nobody may send any more: whether the disk takes data again is for us to try
            with suppress(NotDurable, Overloaded):
                await self._commit.append([])
        healthy = self._commit.is_healthy
        await _answer(send, 200 if healthy else 503, b"ok" if healthy else b"the disk refuses", b"text/plain")

    def _count(self, source: Source | None, outcome: Outcome) -> None:
        name = source.name if source is not None else ""
        labels = (("source", name), ("call", outcome.call), ("status", str(outcome.status)))
        self._counts["pql_receiver_requests_total", labels] += 1
        self._counts["pql_receiver_bytes_total", (("source", name),)] += outcome.body_bytes


def _query(scope: Scope) -> dict[str, str]:
    query: bytes = scope["query_string"]
    return dict(parse_qsl(query.decode("latin-1"))) if query else {}


def _kind(content: bytes) -> bytes:
    if content[:1] == b"<":
        return HTML
    return b"application/json" if content[:1] in (b"{", b'"') else b"text/plain"


def _labels(source: Source, **more: str) -> tuple[tuple[str, str], ...]:
    return (("source", source.name), *more.items())


def _routes(sources: Iterable[Source]) -> dict[str, tuple[tuple[Source, ...], str]]:
    """Every path that is answered: the vendors' own, and the same below the name of each source."""
    routes: dict[str, tuple[tuple[Source, ...], str]] = {}
    for source in sources:
        for path, call in source.vendor.calls.items():
            sharing, _ = routes.get(path, ((), call))
            if path != "/":
                routes[path] = ((*sharing, source), call)
            routes[f"/{source.name}{path}"] = ((source,), call)
        routes[f"/{source.name}"] = routes[f"/{source.name}/"] = ((source,), source.vendor.default_call)
    return routes


def _known_by_header(request: Request) -> Source | None:
    """The source whose secret a header shows; or one that is open, where no other can be meant."""
    authorization = request.headers.get(b"authorization")
    user = basic_user(authorization) if authorization is not None else None
    for source in request.candidates:
        if source.signature is not None:
            continue
        if user and is_one_of(user, source.keys):
            return source
        if source.header is not None and is_one_of(request.headers.get(source.header, b""), source.header_secrets):
            return source
    return next((source for source in request.candidates if source.is_open), None)


def _is_signed(source: Source, request: Request, body: bytes, parts: Parts, now: float) -> bool:
    """Whether a source that signs did. Segment signs the first event of a list alone: a list needs the header too."""
    headers = request.headers
    has_header = source.header is not None and is_one_of(headers.get(source.header, b""), source.header_secrets)
    if source.header is not None and not has_header:
        return False
    if source.signature == "standard":
        return signed_by_standard_webhooks(
            body,
            headers.get(b"webhook-id", b""),
            headers.get(b"webhook-timestamp", b""),
            headers.get(b"webhook-signature", b""),
            source.signing_secrets,
            now,
        )
    signature = headers.get(b"x-signature", b"")
    if signed_by_segment(body, signature, source.signing_secrets):
        return True
    if not has_header or not parts.events:
        return False
    return signed_by_segment(bytes(parts.events[0]), signature, source.signing_secrets)


def _envelope(request: Request, source: Source, parts: Parts) -> Envelope:
    return Envelope(
        request.received_at,
        source.name,
        source.vendor.name,
        request.call,
        parts.sent_at,
        parts.context,
        None,
        dict(source.options),
    )


def _take_apart(vendor: Vendor, call: str, body: bytes) -> tuple[Parts, list[bytes]]:
    """The events of a body, and those that no strict reader would take: they spoil none of the others."""
    try:
        return vendor.split(call, body), []
    except (msgspec.DecodeError, RecursionError):
        return _take_apart_mended(vendor, call, body)


def _take_apart_mended(vendor: Vendor, call: str, body: bytes) -> tuple[Parts, list[bytes]]:
    """As `_take_apart`, of a body that only a forgiving reader takes."""
    try:
        good, spoilt = mended(body)
        return vendor.split(call, good), spoilt
    except RecursionError as error:
        raise Refused(400, "nested too deeply") from error
    except msgspec.ValidationError as error:
        raise Refused(400, "JSON of another shape") from error
    except ValueError as error:
        raise Refused(400, "invalid JSON") from error


async def _answer(send: Send, status: int, content: bytes, kind: bytes, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(content)), OPEN_TO_BROWSERS, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
