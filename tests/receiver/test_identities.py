"""Who an event is of, and what a page is called: the same as what the staging of the vendors' own tables says."""

import json
from typing import Any

import pytest

from ingest.vendors.all import VENDORS
from ingest.vendors.contract import Envelope


def amplitude(event_type: str, **more: Any) -> dict[str, Any]:
    return {"event_type": event_type, "user_id": "ada", "device_id": "d-1"} | more


def mixpanel(event: str, **properties: Any) -> dict[str, Any]:
    return {"event": event, "properties": properties}


def posthog(event: str, distinct_id: str, **properties: Any) -> dict[str, Any]:
    return {"event": event, "distinct_id": distinct_id, "properties": properties}


DEVICE = {"$device_id": "d-1"}
ALIASED = {"distinct_id": "ada", "alias": "$device:d-1"}
LOGGED_IN = {"$user_id": "ada", "$device_id": "d-2", "$anon_id": "$device:d-1"}
PAGE, SCREEN = "[Amplitude] Page Viewed", "[Amplitude] Screen Viewed"


@pytest.mark.parametrize(
    ("vendor", "event", "kind", "name", "user", "anonymous", "previous"),
    [
        ("amplitude", amplitude("Signed In"), "track", "Signed In", "ada", "d-1", None),
        ("amplitude", amplitude(PAGE, event_properties={"[Amplitude] Page Path": "/p"}), "page", "/p", "ada", "d-1",
         None),
        ("amplitude", amplitude(PAGE, event_properties=None), "page", PAGE, "ada", "d-1", None),
        ("amplitude", amplitude(SCREEN, event_properties={"[Amplitude] Screen Name": "Home"}), "screen", "Home", "ada",
         "d-1", None),
        ("mixpanel", mixpanel("Signed In", distinct_id="ada", **DEVICE), "track", "Signed In", "ada", "d-1", None),
        ("mixpanel", mixpanel("Signed In", distinct_id="$device:d-1"), "track", "Signed In", None, "d-1", None),
        ("mixpanel", mixpanel("Signed In", distinct_id="d-1", **DEVICE), "track", "Signed In", None, "d-1", None),
        ("mixpanel", mixpanel("$mp_web_page_view", distinct_id="ada", current_url_path="/p"), "page", "/p", "ada", None,
         None),
        ("mixpanel", mixpanel("$create_alias", **ALIASED), "alias", None, "ada", None, "d-1"),
        ("mixpanel", mixpanel("$identify", **LOGGED_IN), "alias", None, "ada", None, "d-1"),
        ("mixpanel", mixpanel("$identify", **{"$identified_id": "ada", "$anon_id": "d-1"}), "alias", None, "ada", None,
         "d-1"),
        ("mixpanel", mixpanel("$merge", **{"$distinct_ids": ["$device:d-1", "ada"]}), "alias", None, "ada", None,
         "d-1"),
        ("mixpanel", mixpanel("$merge", **{"$distinct_ids": ["ada", "ada@x.example"]}), "alias", None, "ada", None,
         "ada@x.example"),
        ("posthog", posthog("Signed In", "ada", **DEVICE), "track", "Signed In", "ada", "d-1", None),
        ("posthog", posthog("Signed In", "d-1", **DEVICE), "track", "Signed In", None, "d-1", None),
        ("posthog", posthog("$pageview", "d-1", **{"$pathname": "/p", "$process_person_profile": False}), "page", "/p",
         None, "d-1", None),
        ("posthog", posthog("$identify", "ada", **{"$anon_distinct_id": "d-1"}), "identify", None, "ada", "d-1", None),
        ("posthog", posthog("$create_alias", "ada", alias="d-1", **{"$device_id": "d-2"}), "alias", None, "ada", None,
         "d-1"),
        ("posthog", posthog("$create_alias", "d-1", alias="ada", **{"$lib": "posthog-python"}), "alias", None, "ada",
         None, "d-1"),
    ],
)  # fmt: skip
def test_who_an_event_is_of(
    vendor: str,
    event: dict[str, Any],
    kind: str,
    name: str | None,
    user: str | None,
    anonymous: str | None,
    previous: str | None,
) -> None:
    row = VENDORS[vendor].read(json.dumps(event).encode(), Envelope(1_800_000_000_000_000, "app", vendor, "track"))
    assert (row.event_type, row.event_name) == (kind, name)
    assert (row.user_id, row.anonymous_id, row.previous_id) == (user, anonymous, previous)


@pytest.mark.parametrize(
    ("platform", "library", "sent_by"),
    [("Web", "amplitude-ts/2.1", "web"), ("iOS", "amplitude-swift/1", "ios"), (None, "amplitude-python/1", None)],
)
def test_amplitudes_platform_says_more_than_its_library(
    platform: str | None, library: str, sent_by: str | None
) -> None:
    event = amplitude("Did", platform=platform, library=library)
    row = VENDORS["amplitude"].read(json.dumps(event).encode(), Envelope(1, "app", "amplitude", "http"))
    assert row.library == (sent_by or library)
