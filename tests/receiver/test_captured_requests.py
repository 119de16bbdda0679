"""The requests that the vendors' own SDKs sent, replayed: the right rows, once, however often they come."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

SHARED_DATA = Path(os.environ.get("PQL_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CAPTURES = SHARED_DATA / "sdk_captures" / "requests.jsonl"

NAMES = {
    "segment": (("segment-py", "segment-py-gz", "segment-node"), '"WKEY"'),
    "rudderstack": (("rudder-py", "rudder-node"), '"WKEY"'),
    "amplitude": (("amplitude-py", "amplitude-node"), '"AKEY"'),
    "mixpanel": (("mixpanel-py",), '"MTOKEN"'),
    "posthog": (("posthog-py", "posthog-py-gz", "posthog-node"), '"phc_KEY"'),
}
SOURCES = "".join(
    f'[source.{name}]\naccepts = "{vendor}"\nkeys = [{key}]\ngroup = "company"\n'
    for vendor, (names, key) in NAMES.items()
    for name in names
)
SOURCES = SOURCES.replace('group = "company"\n', "") + '[source.site]\naccepts = "snowplow"\nopen = true\n'
SOURCES = SOURCES.replace('keys = ["MTOKEN"]\n', 'keys = ["MTOKEN"]\ngroup = "company"\n')

# Per source: how many events of each type and name, as the SDKs were told to send them.
EVENTS = {
    "segment-py": "identify group track:Invited Teammate page:Pricing alias screen:Home",
    "segment-py-gz": "identify group track:Invited Teammate page:Pricing alias screen:Home",
    "segment-node": "identify group track:Invited Teammate page:Pricing alias",
    "rudder-py": "identify group track:Invited Teammate page:Pricing",
    "rudder-node": "identify group track:Invited Teammate",
    "amplitude-py": "track:Invited Teammate identify group identify",
    "amplitude-node": "track:Invited Teammate identify identify group",
    "mixpanel-py": "track:Invited Teammate identify group track:Old Event track:Ping track:Ping track:Ping",
    "posthog-py": "track:Invited Teammate identify group alias",
    "posthog-py-gz": "track:Invited Teammate identify group alias",
    "posthog-node": "track:Invited Teammate identify group alias",
    "site": "page:Pricing track:invite",
}


def told(text: str) -> Counter[str]:
    words = text.replace(" Teammate", "_Teammate").replace("Old Event", "Old_Event").split()
    return Counter(word.replace("_", " ") for word in words)


@pytest.fixture
def replayed(install):
    if not CAPTURES.exists():
        pytest.skip(f"the captured requests are not there: {CAPTURES}")
    installation = install(SOURCES)
    for _ in range(3):
        for line in CAPTURES.read_text().splitlines():
            request = json.loads(line)
            body = request["body"]
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            headers = {name: value for name, value in request["headers"].items() if name != "Content-Length"}
            if headers.get("Content-Encoding") == "gzip":
                content = gzip.compress(content)
            answer = installation.post(request["path"], content, headers)
            assert answer.status == 200, (request["path"], answer.body)
            if "mixpanel" in request["path"]:
                assert answer.json()["status"] == 1
            if "amplitude" in request["path"]:
                assert answer.json()["code"] == 200
        installation.load()
    return installation


def test_C5_the_18_captured_requests_give_the_right_rows_once_however_often_they_come(replayed) -> None:
    assert replayed.rows("select reason, raw from receiver.quarantine") == []
    found: dict[str, Counter[str]] = {}
    for source, kind, name in replayed.rows("select source, event_type, event_name from receiver.events"):
        found.setdefault(source, Counter())[kind if name is None else f"{kind}:{name}"] += 1
    assert found == {source: told(text) for source, text in EVENTS.items()}


def test_captured_requests_name_the_right_people_groups_and_times(replayed) -> None:
    invited = replayed.rows(
        """
        select source, user_id, group_id, json_extract_string(properties, '$.seats'), occurred_at::date::varchar
        from receiver.events where event_name = 'Invited Teammate' and source in
            ('segment-py', 'rudder-py', 'amplitude-py', 'posthog-py') order by source
        """
    )
    # Timestamps of 2024-03-01 12:00: by the clock of the test, which the skew correction follows where the SDK says
    # when it sent (received - (sent - original)); amplitude does not.
    assert [(row[0], row[1], row[2], row[3]) for row in invited] == [
        ("amplitude-py", "u1", "acct-1", "3"),
        ("posthog-py", "u1", "acct-1", "3"),
        ("rudder-py", "u1", None, "3"),
        ("segment-py", "u1", None, "3"),
    ]
    assert invited[0][4] == "2024-03-01"
    skewed = (
        "timestamp '2027-01-15 08:00:00' - (timestamp '2026-11-22 03:09:10.902197' - timestamp '2024-03-01 12:00:00')"
    )
    assert replayed.rows(
        f"select distinct occurred_at = {skewed} from receiver.events where source = 'segment-py'"
    ) == [(True,)]
    assert replayed.rows(
        "select distinct email from receiver.events where event_type = 'identify'  and email is not null"
    ) == [("ann@acme.io",)]
    without_address = "select source from receiver.events where event_type = 'identify' and email is null order by 1"
    assert replayed.rows(without_address) == [("amplitude-node",), ("amplitude-py",)], "they name a group instead"
    aliases = replayed.rows(
        "select source, user_id, previous_id from receiver.events where event_type = 'alias' order by 1"
    )
    assert {row[1:] for row in aliases} == {("u1", "anon-1")}
    groups = replayed.rows("select distinct group_id from receiver.events where event_type = 'group'")
    assert groups == [("acct-1",)]


def test_L6_every_acknowledged_item_is_loaded_or_quarantined_or_was_there(replayed) -> None:
    sums = "sum(acknowledged), sum(loaded + quarantined + deduplicated), sum(loaded)"
    ((acknowledged, accounted, loaded),) = replayed.rows(f"select {sums} from receiver.segments")
    events = sum(sum(told(text).values()) for text in EVENTS.values())
    assert acknowledged == accounted == 3 * events
    assert loaded == events
