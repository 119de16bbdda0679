"""Who may send, what is let through, and what each vendor is told."""

import base64
import errno
import gzip
import hashlib
import hmac
import json
import random
import zlib

import pytest

from ingest.receiver.secrets import signed_by_segment, signed_by_standard_webhooks
from ingest.receiver.sources import BadSources, read_sources
from tests.receiver.conftest import NOW
from tests.receiver.faulty_storage import FaultyStorage

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (the specification's example)
SOURCES = f"""
[source.web]
accepts = "segment"
keys = ["OLD", "NEW"]

[source.polite]
accepts = "segment"
keys = ["POLITE"]
consent = "context.consent.categoryPreferences.Analytics"
without_consent = "drop"

[source.hook]
accepts = "segment"
signature = "segment"
signing_secrets = ["one", "two"]

[source.lists]
accepts = "segment"
signature = "segment"
signing_secrets = ["one"]
header = "X-Secret"
header_secrets = ["open sesame"]

[source.rudder]
accepts = "rudderstack"
header = "X-Secret"
header_secrets = ["open sesame"]

[source.signed]
accepts = "json"
signature = "standard"
signing_secrets = ["{WEBHOOK_SECRET}", "whsec_b3RoZXI="]

[source.amp]
accepts = "amplitude"
keys = ["AMP"]

[source.panel]
accepts = "mixpanel"
keys = ["PANEL"]

[source.hog]
accepts = "posthog"
keys = ["HOG"]

[source.plain]
accepts = "json"
keys = ["PLAIN"]
fields = {{ event_name = "what.action", user_id = "who" }}
"""


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def track(number: int = 0, **more: object) -> dict[str, object]:
    return {"type": "track", "event": "Did", "userId": "u", "messageId": f"m{number}", **more}


def segment_signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


@pytest.fixture
def receiver(install):
    return install(SOURCES)


def test_a_key_is_taken_in_the_header_or_in_the_body_and_both_live_keys_count(receiver) -> None:
    assert receiver.post("/v1/track", track(1), basic("OLD")).status == 200
    assert receiver.post("/v1/track", track(2), basic("NEW")).status == 200
    assert receiver.post("/v1/batch", {"batch": [track(3)], "writeKey": "NEW"}).status == 200
    assert receiver.post("/web/v1/batch", {"batch": [track(4)]}, basic("OLD")).status == 200
    for wrong in (basic("OTHER"), {}, {"Authorization": "Basic ???"}, basic("")):
        assert receiver.post("/v1/track", track(5), wrong).status == 401
        assert receiver.post("/web/v1/batch", {"batch": [track(5)]}, wrong).status == 401
    assert receiver.post("/plain", track(5), basic("OLD")).status == 401, "a key is good for its own source alone"
    receiver.load()
    assert receiver.rows("select message_id, source from receiver.events order by 1") == [
        (f"m{number}", "web") for number in (1, 2, 3, 4)
    ]


def test_C12_each_vendor_is_told_what_its_sdk_understands(receiver) -> None:
    assert receiver.post("/v1/batch", {"batch": [track()]}, basic("OLD")).json() == {"success": True}
    assert receiver.post("/rudder", track(), {"X-Secret": "open sesame"}).json() == "OK"
    event = {"event_type": "Did", "user_id": "u", "insert_id": "i"}
    ok = receiver.post("/2/httpapi", {"api_key": "AMP", "events": [event, event]}).json()
    assert (ok["code"], ok["events_ingested"]) == (200, 2)
    refused = receiver.post("/2/httpapi", {"api_key": "no", "events": [event]})
    assert (refused.status, refused.json()["error"][:16]) == (400, "Invalid API key:")
    assert receiver.post("/2/httpapi", {"api_key": "AMP", "events": [event] * 2001}).json()["code"] == 413
    panel = {"event": "Did", "properties": {"token": "PANEL", "distinct_id": "u", "$insert_id": "p"}}
    assert (
        receiver.post(
            "/track", "data=" + base64.b64encode(json.dumps(panel).encode()).decode().replace("=", "%3D")
        ).body
        == b"1"
    )
    assert receiver.post("/track?verbose=1", [panel]).json() == {"status": 1, "error": None}
    imported = receiver.post("/import?strict=1", json.dumps(panel) + "\n" + json.dumps(panel)).json()
    assert imported == {"code": 200, "num_records_imported": 2, "status": "OK"}
    assert receiver.post("/batch/", {"api_key": "HOG", "batch": []}).json() == {"status": "Ok"}
    assert receiver.get("/v1/batch").status == 405
    assert receiver.post("/nothing", {}).status == 404


def test_any_json_is_read_by_the_configured_fields(receiver) -> None:
    given = {"what": {"action": "Signed"}, "who": 7, "plan": "pro", "occurred_at": 1700000000}
    assert receiver.post("/plain", given, basic("PLAIN")).json() == {"accepted": 1}
    receiver.load()
    ((name, user, when, properties),) = receiver.rows(
        "select event_name, user_id, epoch(occurred_at), properties from receiver.events"
    )
    assert (name, user, when) == ("Signed", "7", 1700000000)
    assert json.loads(properties) == {"what": {"action": "Signed"}, "plan": "pro"}


def test_a_time_beside_the_original_one_is_right_already_and_is_not_corrected_again(receiver) -> None:
    clock = {"originalTimestamp": "2029-01-01T00:00:00Z", "sentAt": "2029-01-01T00:00:01Z"}
    event = {"type": "track", "event": "Did", "userId": "u", "messageId": "both", "timestamp": "2026-05-01T10:00:00Z"}
    assert receiver.post("/v1/batch", {"batch": [event | clock]}, basic("OLD")).status == 200
    receiver.load()
    times = "occurred_at = timestamp '2026-05-01 10:00:00', original_at = timestamp '2029-01-01'"
    assert receiver.rows(f"select {times} from receiver.events where message_id = 'both'") == [(True, True)]


def test_S1_segment_signs_the_first_event_so_a_list_needs_a_second_secret(receiver) -> None:
    body = json.dumps(track(1)).encode()
    first, second = json.dumps(track(2)).encode(), json.dumps(track(3)).encode()
    listed = b"[" + first + b"," + second + b"]"
    for secret in ("one", "two"):
        assert receiver.post("/hook", body, {"X-Signature": segment_signature(secret, body)}).status == 200
    assert receiver.post("/hook", body, {"X-Signature": segment_signature("three", body)}).status == 401
    signed_first = {"X-Signature": segment_signature("one", first)}
    assert receiver.post("/hook", listed, signed_first).status == 401, "the second event is anybody's"
    assert receiver.post("/lists", listed, signed_first).status == 401
    assert receiver.post("/lists", listed, signed_first | {"X-Secret": "wrong"}).status == 401
    assert receiver.post("/lists", listed, signed_first | {"X-Secret": "open sesame"}).status == 200


def test_S1_no_mutation_of_body_or_signature_is_accepted() -> None:
    # RFC 2202, test case 2 of HMAC-SHA1.
    vector = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    assert signed_by_segment(b"what do ya want for nothing?", vector.encode(), [b"Jefe"])
    body, generator = json.dumps(track()).encode(), random.Random(7)  # noqa: S311
    signature = segment_signature("one", body).encode()
    assert signed_by_segment(body, signature, [b"other", b"one"])
    for _ in range(10_000):
        mutated, mutated_signature = bytearray(body), bytearray(signature)
        target = mutated if generator.random() < 0.5 else mutated_signature
        target[generator.randrange(len(target))] ^= 1 << generator.randrange(8)
        assert not signed_by_segment(bytes(mutated), bytes(mutated_signature), [b"one", b"two"])


def test_S3_standard_webhooks_have_a_window_and_two_live_secrets(receiver) -> None:
    # The example of the Standard Webhooks specification.
    body, message_id, timestamp = b'{"test": 2432232314}', b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330"
    signature = b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    secrets = [WEBHOOK_SECRET.encode()]
    for now, expected in ((0, True), (299, True), (-299, True), (301, False), (-301, False)):
        given = (body, message_id, timestamp, signature, secrets, 1614265330 + now)
        assert signed_by_standard_webhooks(*given) is expected
    generator = random.Random(7)  # noqa: S311
    for _ in range(10_000):
        parts = [bytearray(body), bytearray(message_id), bytearray(timestamp), bytearray(signature)]
        target = parts[generator.randrange(4)]
        target[generator.randrange(len(target))] ^= 1 << generator.randrange(8)
        assert not signed_by_standard_webhooks(*map(bytes, parts), secrets, 1614265330)

    event = b'{"event": "Did", "user_id": "u"}'
    at = str(int(NOW)).encode()
    signed = b".".join((b"msg_1", at, event))
    for key, status in ((base64.b64decode(WEBHOOK_SECRET[6:]), 200), (b"other", 200), (b"third", 401)):
        made = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        headers = {"webhook-id": "msg_1", "webhook-timestamp": at.decode(), "webhook-signature": f"v1,AAAA v1,{made}"}
        assert receiver.post("/signed", event, headers).status == status


def test_S6_an_event_without_consent_leaves_only_a_counter(receiver) -> None:
    agreed = {"context": {"consent": {"categoryPreferences": {"Analytics": True}}}}
    refused = {"context": {"consent": {"categoryPreferences": {"Analytics": False}}}, "userId": "canary"}
    batch = [
        track(1, **agreed),
        track(2, **refused),
        track(3, userId="canary"),
        track(4, userId="canary", context=None),
    ]
    assert receiver.post("/polite/v1/batch", {"batch": batch}, basic("POLITE")).status == 200
    shared = {"batch": [track(5)], "context": agreed["context"]}
    assert receiver.post("/polite/v1/batch", shared, basic("POLITE")).status == 200
    receiver.load()
    assert receiver.rows("select message_id from receiver.events order by 1") == [("m1",), ("m5",)]
    assert receiver.rows("select * from receiver.quarantine") == []
    metrics = receiver.get("/metrics").body.decode()
    assert 'pql_receiver_dropped_total{source="polite",reason="consent"} 3' in metrics
    kept = [path.read_bytes() for path in receiver.home.rglob("*") if path.is_file()]
    assert not any(b"canary" in data for data in kept)
    assert "canary" not in metrics


def test_S6_events_of_somebody_forgotten_are_dropped_at_the_gate(receiver) -> None:
    (receiver.home / "inbox" / "suppressed.txt").write_text(
        "\n".join(hashlib.sha256(node.encode()).hexdigest() for node in ("user_id:canary", "email:canary@one.example"))
    )
    receiver.now += 1
    batch = [
        track(1, userId="canary"),
        track(2),
        {"type": "identify", "userId": "x", "messageId": "m3", "traits": {"email": "Canary@one.example"}},
    ]
    assert receiver.post("/v1/batch", {"batch": batch}, basic("OLD")).status == 200
    receiver.load()
    assert receiver.rows("select message_id from receiver.events") == [("m2",)]
    assert 'dropped_total{source="web",reason="forgotten"} 2' in receiver.get("/metrics").body.decode()


def test_C7_limits_hold_while_streaming_and_what_is_too_large_is_set_aside_with_the_reason(receiver) -> None:
    large = {"batch": [track(1, properties={"text": "x" * 33_000}), track(2)]}
    assert receiver.post("/v1/batch", large, basic("OLD")).status == 200, "its neighbour is good"
    assert receiver.post("/v1/batch", {"batch": [track(3)] * 2501}, basic("OLD")).status == 400
    too_large = json.dumps({"batch": [track(4, properties={"text": "x" * 20_000})] * 30}).encode()
    assert receiver.post("/v1/batch", too_large, basic("OLD"), chunks=40).status == 400
    bomb = gzip.compress(b" " * 50_000_000)
    assert receiver.post("/v1/batch", bomb, basic("OLD") | {"Content-Encoding": "gzip"}, chunks=5).status == 400
    announced = basic("OLD") | {"Content-Length": "600000"}
    assert receiver.post("/v1/batch", b"{", announced).status == 400
    assert receiver.post("/rudder", [track(5)] * 2500, {"X-Secret": "open sesame"}).status == 200
    receiver.load()
    assert {row[0] for row in receiver.rows("select message_id from receiver.events")} == {"m2", "m5"}
    assert dict(receiver.rows("select reason, count(*) from receiver.quarantine group by 1")) == {
        "event larger than 32768 bytes": 1,
        "more than 2500 events": 1,
        "larger than 512000 bytes": 3,
    }


def test_compressed_and_mislabelled_bodies_are_read(receiver) -> None:
    body = json.dumps({"batch": [track(1)]}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (
        receiver.post("/v1/batch", gzip.compress(body), basic("OLD") | form | {"Content-Encoding": "gzip"}).status
        == 200
    )
    assert receiver.post("/v1/batch", zlib.compress(body), basic("OLD") | {"Content-Encoding": "deflate"}).status == 200
    broken = gzip.compress(body)[:-9]
    assert receiver.post("/v1/batch", broken, basic("OLD") | {"Content-Encoding": "gzip"}).status == 400
    assert receiver.post("/v1/batch", body, basic("OLD") | {"Content-Encoding": "gzip"}).status == 400
    receiver.load()
    assert receiver.rows("select message_id from receiver.events") == [("m1",)]


def test_C3_C10_a_refusing_disk_is_503_with_retry_after_never_401_and_health_sees_it_come_back(install) -> None:
    storage = FaultyStorage()
    receiver = install(SOURCES, storage)
    assert receiver.post("/v1/track", track(1), basic("OLD")).status == 200
    storage.fail("sync", errno.EIO)
    refused = receiver.post("/v1/track", track(2), basic("OLD"))
    assert (refused.status, refused.headers[b"retry-after"]) == (503, b"1")
    storage.fail("create", errno.ENOSPC)
    assert receiver.get("/health").status == 503
    assert "pql_receiver_healthy 0" in receiver.get("/metrics").body.decode()
    assert receiver.get("/health").status == 200
    assert receiver.post("/v1/track", track(3), basic("OLD")).status == 200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one"),
        ("[source.a]\naccepts = 'csv'\n", "accepts is one of"),
        ("[source.a]\naccepts = 'json'\n", "or open = true"),
        ("[source.a]\naccepts = 'json'\nkeys = ['k']\nopen = true\n", "or open = true"),
        ("[source.a]\naccepts = 'json'\nkeys = 'k'\n", "keys is a list"),
        ("[source.a]\naccepts = 'json'\nkeys = ['env:PQL_NOT_SET']\n", "PQL_NOT_SET, which is not set"),
        ("[source.a]\naccepts = 'json'\nkey = ['k']\n", "unknown key"),
        ("[source.A]\naccepts = 'json'\nkeys = ['k']\n", "a name is"),
        ("[source.a]\naccepts = 'json'\nsignature = 'standard'\nsigning_secrets = ['whsec_?']\n", "whsec_ and base64"),
        ("[source.a]\naccepts = 'json'\nsignature = 'standard'\n", "goes with"),
        ("[source.a]\naccepts = 'json'\nkeys = ['k']\nfields = {colour = 'x'}\n", "fields gives a path"),
        ("[source.a\n", "Expected"),
    ],
)
def test_a_wrong_source_is_refused_with_the_fix(tmp_path, text: str, said: str) -> None:
    (tmp_path / "receiver.toml").write_text(text)
    with pytest.raises(BadSources, match=said):
        read_sources(tmp_path / "receiver.toml")


def test_secrets_come_from_the_environment_and_are_never_shown(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PQL_TEST_KEY", "hush hush")
    (tmp_path / "receiver.toml").write_text("[source.a]\naccepts = 'json'\nkeys = ['env:PQL_TEST_KEY']\n")
    source = read_sources(tmp_path / "receiver.toml")["a"]
    assert source.keys == (b"hush hush",)
    assert "hush" not in repr(source)
