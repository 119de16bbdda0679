"""Payloads that no SDK would send: no 5xx, no exit, each in events or in quarantine, good neighbours kept."""

import gzip
import json
import os
import random

import pytest

from tests.receiver.test_gate import SOURCES, basic, track

PAYLOADS = 100_000 if os.environ.get("PQL_TEST_FULL") else 2_000

# What is put in place of a value, as raw JSON or as what is none.
BOMBS = (
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 3_000 + "1" + "}" * 3_000,
    "1" + "0" * 400,
    "-1e999",
    "NaN",
    "Infinity",
    "18446744073709551616",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\x00"',
    '"' + "é" * 300 + '"',
    '{"a":1,"a":2}',
    '{"":{}}',
    "[]",
    "null",
    "true",
    '"\\',
    "",
)
PATHS = (
    ("/web/v1/batch", "OLD", lambda good, bad: f'{{"batch":[{good},{bad}]}}'),
    ("/web/v1/track", "OLD", lambda good, bad: bad),
    ("/plain", "PLAIN", lambda good, bad: f"[{good},{bad}]"),
    ("/amp/2/httpapi", "AMP", lambda good, bad: f'{{"api_key":"AMP","events":[{good},{bad}]}}'),
    ("/panel/track", "PANEL", lambda good, bad: f"[{good},{bad}]"),
    ("/hog/batch/", "HOG", lambda good, bad: f'{{"api_key":"HOG","batch":[{good},{bad}]}}'),
)
GOOD = {
    "/web/v1/batch": track(),
    "/plain": {"what": {"action": "Did"}, "who": "u"},
    "/amp/2/httpapi": {"event_type": "Did", "user_id": "u"},
    "/panel/track": {"event": "Did", "properties": {"distinct_id": "u"}},
    "/hog/batch/": {"event": "Did", "distinct_id": "u"},
}


def mutated(generator: random.Random, event: dict[str, object]) -> bytes:
    """An event with a value exchanged, or with bytes changed."""
    text = json.dumps(event | {"properties": {"a": 1, "b": "x"}, "context": {"traits": {"email": "a@b.example"}}})
    data = text.encode()
    if generator.random() < 0.7:
        values = [part for part in ('"u"', '"Did"', '"track"', "1", '"x"', '{"traits"') if part in text]
        data = text.replace(generator.choice(values), generator.choice(BOMBS), 1).encode("utf-8", "surrogatepass")
    for _ in range(generator.choice((0, 0, 1, 5))):
        changed = bytearray(data)
        changed[generator.randrange(len(changed))] = generator.randrange(256)
        data = bytes(changed)
    return data


@pytest.mark.parametrize("seed", range(4))
def test_C6_mutated_payloads_give_no_5xx_and_each_is_in_events_or_in_quarantine(install, seed: int) -> None:
    receiver = install(SOURCES)
    generator = random.Random(seed)  # noqa: S311
    stored = lost_neighbours = 0
    for number in range(PAYLOADS // 4):
        path, key, body_of = generator.choice(PATHS)
        good = json.dumps(with_id(path, f"good-{number}"))
        bad = mutated(generator, with_id(path, f"bad-{number}"))
        body = body_of(good, "@").encode().replace(b"@", bad)
        headers = basic(key)
        if generator.random() < 0.2:
            body = b"\xef\xbb\xbf" + body
        if generator.random() < 0.2:
            body, headers = gzip.compress(body), headers | {"Content-Encoding": "gzip"}
        answer = receiver.post(path, body, headers)
        assert answer.status in (200, 400), (answer.status, body[:300])
        stored += 1
        lost_neighbours += answer.status == 400
    receiver.load()
    acknowledged, accounted = receiver.rows(
        "select sum(acknowledged), sum(loaded + quarantined + deduplicated) from receiver.segments"
    )[0]
    assert acknowledged == accounted
    assert accounted >= stored, "each payload left at least one item"
    reasons = dict(receiver.rows("select reason, count(*) from receiver.quarantine group by 1"))
    assert all(reasons), "each with a reason"
    # A neighbour is lost where the whole is no JSON by any reading; then the body as a whole is set aside.
    assert receiver.rows("select count(*) from receiver.events where not json_valid(properties)") == [(0,)]
    assert sum(reasons.values()) >= lost_neighbours


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("bomb", ["NaN", "-1e999", '"\\ud800"', '"\\u0000"', "1" + "0" * 400, '{"a":1,"a":2}'])
def test_C6_an_odd_event_spoils_no_good_neighbour(install, path: str, bomb: str) -> None:
    receiver = install(SOURCES)
    key, body_of = next((key, body_of) for known, key, body_of in PATHS if known == path)
    odd = json.dumps(with_id(path, "odd") | {"odd": "@"}).replace('"@"', bomb)
    assert receiver.post(path, body_of(json.dumps(with_id(path, "good")), odd), basic(key)).status == 200
    receiver.load()
    # Mixpanel's own id goes on with time and name.
    kept = {row[0].partition(":")[0] for row in receiver.rows("select message_id from receiver.events")}
    assert "good" in kept
    assert len(kept) + len(receiver.rows("select * from receiver.quarantine")) == 2


def with_id(path: str, number: str) -> dict[str, object]:
    event = json.loads(json.dumps(GOOD["/web/v1/batch" if path == "/web/v1/track" else path]))
    if "panel" in path:
        event["properties"]["$insert_id"] = number
    else:
        event[{"/amp/2/httpapi": "insert_id", "/hog/batch/": "uuid", "/plain": "id"}.get(path, "messageId")] = number
    return event
