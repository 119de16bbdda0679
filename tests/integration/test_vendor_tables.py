"""What staging makes of vendors' tables as their loaders write them: whole ones, and ones that lack most columns.

dbt's unit tests give a model its inputs as queries, whose columns nobody can list; here it is the columns that matter.
So the tables are made, once, and all staging models run on them.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest

from tests.integration.conftest import SHARED_DATA

Rows = Callable[[str], list[tuple]]
Tables = Mapping[str, Sequence[Mapping[str, object]]]

VENDORS = ("segment", "rudderstack", "amplitude", "mixpanel", "posthog", "snowplow")
SELECTED = [f"stg_{vendor}__events" for vendor in VENDORS]


def at(day: int, hour: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, 0, second)  # noqa: DTZ001 - times in the warehouse are UTC without a zone


def milliseconds(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001 - both without a zone


RUDDERSTACK: Tables = {
    "tracks": [
        {"id": "t1", "user_id": "ada", "event": "report_created", "event_text": "Report Created", "channel": "web",
         "context_group_id": "w", "timestamp": at(1), "received_at": at(1, 1)},
        # The same message once more, as BigQuery's tables hold it, and one from a clock that is ahead.
        {"id": "t1", "user_id": "ada", "event": "report_created", "event_text": "Report Created", "channel": "web",
         "context_group_id": "w", "timestamp": at(1), "received_at": at(2)},
        {"id": "t2", "user_id": "ada", "event": "signed_in", "event_text": "Signed In", "channel": "mobile",
         "timestamp": at(9), "received_at": at(3)},
    ],
    "report_created": [
        {"id": "t1", "event": "report_created", "channel": "web", "user_id": "ada", "rows": 12, "shared_with": None,
         "context_ip": "192.0.2.1", "original_timestamp": at(1), "sent_at": at(1), "uuid_ts": at(2)},
    ],
    "rudder_discards": [{"column_name": "rows", "column_value": "many", "row_id": "t1", "received_at": at(1)}],
    # No `timestamp`, as in loaders that select columns: the client's clock is a year ahead in both of its times.
    "pages": [
        {"id": "p1", "anonymous_id": "browser", "name": None, "path": "/pricing", "url": "https://x.example/pricing",
         "plan": "pro", "original_timestamp": datetime(2027, 1, 4, 10), "sent_at": datetime(2027, 1, 4, 11),  # noqa: DTZ001
         "received_at": at(4, 11)},
    ],
    "screens": [{"id": "s1", "user_id": "ada", "name": "Home", "timestamp": at(4), "received_at": at(4)}],
    "identifies": [
        {"id": "i1", "anonymous_id": "browser", "user_id": "ada", "email": " Ada@Acme.example ", "title": "CTO",
         "phone": "555", "context_traits_email": "ada@acme.example", "timestamp": at(5), "received_at": at(5)},
    ],
    "groups": [
        {"id": "g1", "user_id": "ada", "group_id": "w", "name": "Acme", "industry": "Software", "timestamp": at(6),
         "received_at": at(6)},
    ],
    "aliases": [{"id": "a1", "user_id": "ada", "previous_id": "old", "timestamp": at(7), "received_at": at(7)}],
    "users": [{"id": "ada", "email": "ada@acme.example", "received_at": at(7)}],
}  # fmt: skip

# As Fivetran loads it: the insert id is null where the client gave none.
AMPLITUDE_USER = json.dumps({"email": "Ada@Acme.example", "name": "Ada"})
AMPLITUDE_GROUPS = {
    "groups": json.dumps({"company": ["w"], "team": ["x"]}),
    "group_properties": json.dumps({"company": {"w": {"name": "Acme"}}, "team": {"x": {"name": "X"}}}),
}
AMPLITUDE: Tables = {
    "event": [
        {"id": 1, "uuid": "u-1", "_insert_id": "m1", "amplitude_id": 10, "device_id": "phone",
         "event_type": "Signed In", "event_time": at(1), "server_upload_time": at(1, 0, 5),
         "event_properties": "{}", "user_properties": "{}",
         "groups": "{}", "group_properties": "{}", "platform": "iOS", "device_type": "Apple iPhone",
         "country": "Germany"},
        {"id": 2, "uuid": "u-2", "_insert_id": "m2", "amplitude_id": 20, "user_id": "ada", "device_id": "laptop",
         "event_type": "Report Created", "event_time": at(3), "server_upload_time": at(2),
         "event_properties": '{"rows": 12}', "user_properties": AMPLITUDE_USER, "platform": "Web", **AMPLITUDE_GROUPS},
        # Sent again: another uuid, the client's insert id. Exported twice: everything the same.
        {"id": 3, "uuid": "u-3", "_insert_id": "m2", "amplitude_id": 20, "user_id": "ada", "device_id": "laptop",
         "event_type": "Report Created", "event_time": at(3), "server_upload_time": at(4),
         "event_properties": '{"rows": 12}', "user_properties": AMPLITUDE_USER, "platform": "Web", **AMPLITUDE_GROUPS},
        {"id": 4, "uuid": "u-4", "_insert_id": None, "amplitude_id": 20, "user_id": "ada", "device_id": "laptop",
         "event_type": "[Amplitude] Page Viewed", "event_time": at(5), "server_upload_time": at(5),
         "event_properties": '{"[Amplitude] Page Path": "/pricing"}', "user_properties": AMPLITUDE_USER,
         "platform": "Web", **AMPLITUDE_GROUPS},
        {"id": 4, "uuid": "u-4", "_insert_id": None, "amplitude_id": 20, "user_id": "ada", "device_id": "laptop",
         "event_type": "[Amplitude] Page Viewed", "event_time": at(5), "server_upload_time": at(5),
         "event_properties": '{"[Amplitude] Page Path": "/pricing"}', "user_properties": AMPLITUDE_USER,
         "platform": "Web", **AMPLITUDE_GROUPS},
        {"id": 6, "uuid": "u-6", "_insert_id": "m6", "amplitude_id": 30, "user_id": "eve", "device_id": "tablet",
         "event_type": "$identify", "event_time": at(6), "server_upload_time": at(6), "event_properties": "{}",
         "user_properties": '{"title": "CFO"}', "groups": "{}", "group_properties": "{}",
         "library": "amplitude-python/1"},
    ],
    # The phone's user was found to be 15, who was found to be 20: Ada.
    "merge_ids": [
        {"amplitude_id": 10, "merged_amplitude_id": 15, "merge_event_time": at(7), "merge_server_time": at(7)},
        {"amplitude_id": 15, "merged_amplitude_id": 20, "merge_event_time": at(8), "merge_server_time": at(8)},
    ],
}  # fmt: skip


def mixpanel_properties(arrived: datetime, **more: object) -> str:
    return json.dumps({"mp_processing_time_ms": milliseconds(arrived)} | more)


MIXPANEL: Tables = {
    "mp_master_event": [
        {"event_name": "$mp_web_page_view", "time": at(1), "insert_id": "m1", "distinct_id": "$device:browser",
         "device_id": "browser", "user_id": None,
         "properties": mixpanel_properties(at(1), current_url_path="/pricing", mp_lib="web", mp_country_code="DE")},
        # The SDK tried again; then another event of the same insert id, which Mixpanel keeps.
        {"event_name": "Signed In", "time": at(2), "insert_id": "m2", "distinct_id": "ada", "device_id": "browser",
         "user_id": "ada", "properties": mixpanel_properties(at(2, 1), company=["w", "v"], mp_lib="web")},
        {"event_name": "Signed In", "time": at(2), "insert_id": "m2", "distinct_id": "ada", "device_id": "browser",
         "user_id": "ada", "properties": mixpanel_properties(at(3), company=["w", "v"], mp_lib="web")},
        {"event_name": "Report Created", "time": at(2), "insert_id": "m2", "distinct_id": "ada", "device_id": None,
         "user_id": None, "properties": mixpanel_properties(at(1), company="w", rows=12, mp_lib="python")},
        # The older identity system: before the log-in the distinct id is the device's, without a mark.
        {"event_name": "Signed In", "time": at(4), "insert_id": "m4", "distinct_id": "0f1e", "device_id": "0f1e",
         "user_id": None, "properties": mixpanel_properties(at(4))},
        {"event_name": "$identify", "time": at(5), "insert_id": "m5", "distinct_id": "eve", "device_id": "0f1e",
         "user_id": "eve",
         "properties": mixpanel_properties(at(5), **{"$identified_id": "eve", "$anon_id": "$device:0f1e"})},
    ],
    "mp_people_data": [
        {"distinct_id": "ada", "properties": json.dumps(
            {"$email": "Ada@Acme.example", "$name": "Ada", "title": "CTO", "$last_seen": "2026-01-08T00:00:00"})},
        {"distinct_id": "$device:browser", "properties": json.dumps({"plan": "free"})},
    ],
    "mp_identity_mappings_data": [
        {"distinct_id": "$device:browser", "resolved_distinct_id": "ada"},
        {"distinct_id": "ada", "resolved_distinct_id": "ada"},
        {"distinct_id": "eve", "resolved_distinct_id": "0f1e"},
        {"distinct_id": "never seen", "resolved_distinct_id": "ada"},
    ],
}  # fmt: skip


def posthog_event(uuid: str, event: str, distinct_id: str, day: int, ingested: int | None = None, **properties: object):
    own = {name.replace("__", "$", 1): value for name, value in properties.items()}
    return {
        "uuid": uuid, "event": event, "distinct_id": distinct_id, "properties": json.dumps(own), "set": None,
        "set_once": None, "team_id": 1, "ip": "192.0.2.1", "site_url": "", "timestamp": at(day),
        "bq_ingested_timestamp": at(ingested or day),
    }  # fmt: skip


POSTHOG: Tables = {
    "events": [
        posthog_event("h1", "$pageview", "browser", 1, __device_id="browser", __pathname="/pricing", __lib="web"),
        posthog_event("h2", "Report Created", "ada", 2, __device_id="browser", rows=12, __groups={"company": "w"}),
        posthog_event("h2", "Report Created", "ada", 2, 3, __device_id="browser", rows=12, __groups={"company": "w"}),
        posthog_event("h3", "Signed In", "ada", 9, 4, __groups={"team": "x", "company": ["w", "v"]}),
        posthog_event("h4", "$identify", "ada", 5, __anon_distinct_id="browser", __set={"email": "Ada@Acme.example"},
                      __set_once={"name": "Ada"}),
        posthog_event("h5", "$groupidentify", "an invention", 6, __group_type="company", __group_key="w",
                      __group_set={"name": "Acme"}),
        posthog_event("h6", "$groupidentify", "an invention", 6, __group_type="team", __group_key="x",
                      __group_set={"name": "X"}),
        posthog_event("h7", "$create_alias", "ada", 7, alias="old"),
        posthog_event("h8", "$create_alias", "old", 7, alias="ada", __lib="posthog-python"),
        posthog_event("h9", "Looked", "browser2", 8, __process_person_profile=False),
        posthog_event("h10", "Signed In", "eve", 8) | {"set": '{"email": "eve@acme.example"}'},
    ],
}  # fmt: skip

# Tables on their first day, native names, times of which there is one.
SPARSE: Mapping[str, Tables] = {
    "rudderstack": {"tracks": [{"id": "t1", "user_id": "ada", "event": "signed_in", "received_at": at(1)}]},
    "amplitude": {
        "event": [
            {"$insert_id": "m1", "$amplitude_id": 10, "user_id": "ada", "event_type": "Signed In",
             "client_event_time": at(1), "client_upload_time": at(1, 1), "server_received_time": at(2, 1)},
        ]
    },
    "mixpanel": {"mp_master_event": [{"event_name": "Signed In", "time": at(1), "distinct_id": "ada"}]},
    "posthog": {"events": [{"uuid": "h1", "event": "Signed In", "distinct_id": "ada", "timestamp": at(1)}]},
    "snowplow": {
        "events": [
            {"event_id": "e1", "event": "unstruct", "event_name": "Signed In", "user_id": "ada",
             "collector_tstamp": at(1)},
        ]
    },
}  # fmt: skip

SNOWPLOW: Tables = {
    "events": [
        {"event_id": "e1", "event": "page_view", "event_name": "page_view", "platform": "web",
         "domain_userid": "cookie", "page_urlpath": "/pricing", "page_title": None, "page_url": "https://x.example/pricing",
         "derived_tstamp": at(1), "collector_tstamp": at(1, 1), "load_tstamp": at(1, 2)},
        {"event_id": "e2", "event": "struct", "event_name": "event", "user_id": "ada", "domain_userid": "cookie",
         "network_userid": "network", "platform": "mob", "se_category": "report", "se_action": "export",
         "derived_tstamp": at(2), "collector_tstamp": at(2, 1), "load_tstamp": at(2, 2)},
        # A true time that the tracker vouches for, which lies after its receipt; of two schemas one is filled.
        {"event_id": "e3", "event": "unstruct", "event_name": "report_created", "user_id": "ada",
         "network_userid": "network", "platform": "srv", "true_tstamp": at(9), "derived_tstamp": at(3),
         "collector_tstamp": at(3), "load_tstamp": at(3, 1),
         "unstruct_event_com_acme_report_created_1": '{"rows": 12}', "unstruct_event_com_acme_signed_in_1": None},
        # The collector's second delivery of the same event, loaded first.
        {"event_id": "e2", "event": "struct", "event_name": "event", "user_id": "ada", "domain_userid": "cookie",
         "network_userid": "network", "platform": "mob", "se_category": "report", "se_action": "export",
         "derived_tstamp": at(2), "collector_tstamp": at(2, 3), "load_tstamp": at(2, 1)},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rows]:
    def build(name: str, vendors: Mapping[str, Tables], account_group: str = "") -> Rows:
        home = tmp_path_factory.mktemp(name)
        with duckdb.connect(str(home / "pql.duckdb")) as connection:
            connection.execute("create schema config")
            connection.execute(
                "create table config.settings as select 'account_group' as setting, nullif(?, '') as value",
                [account_group],
            )
            for schema, tables in vendors.items():
                connection.execute(f"create schema {schema}")
                for table, rows in tables.items():
                    columns = list(dict.fromkeys(column for row in rows for column in row))
                    filled = [{column: row.get(column) for column in columns} for row in rows]
                    connection.register("incoming", pa.Table.from_pylist(filled))
                    connection.execute(f"create table {schema}.{table} as from incoming")
        dbt(home, "run", "--quiet", "--select", *SELECTED)

        def rows(query: str) -> list[tuple]:
            with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
                return connection.execute(query).fetchall()

        return rows

    return build


@pytest.fixture(scope="module")
def whole(built: Callable[..., Rows]) -> Rows:
    vendors = {
        "rudderstack": RUDDERSTACK,
        "amplitude": AMPLITUDE,
        "mixpanel": MIXPANEL,
        "posthog": POSTHOG,
        "snowplow": SNOWPLOW,
    }
    return built("whole", vendors, "company")


@pytest.fixture(scope="module")
def sparse(built: Callable[..., Rows]) -> Rows:
    return built("sparse", SPARSE)


def calls(rows: Rows, vendor: str, condition: str = "true") -> list[tuple]:
    """Who, where, when of each event, in the order of what they are called."""
    return rows(
        f"""
        select
            event_type, event_name, user_id, anonymous_id, group_id, email,
            strftime(occurred_at, '%d %H:%M:%S'), strftime(available_at, '%d %H:%M:%S')
        from staging.stg_{vendor}__events
        where {condition}
        order by available_at, event_type, user_id, anonymous_id, group_id
        """
    )


def properties_of(rows: Rows, vendor: str, condition: str) -> list[dict[str, object]]:
    found = rows(f"select properties from staging.stg_{vendor}__events where {condition} order by available_at")
    return [{key: value for key, value in json.loads(text).items() if value is not None} for (text,) in found]


def test_rudderstack_tables_are_read_as_segment_s_are(whole: Rows):
    assert calls(whole, "rudderstack") == [
        ("track", "Report Created", "ada", None, "w", None, "01 00:00:00", "01 01:00:00"),
        ("track", "Signed In", "ada", None, None, None, "03 00:00:00", "03 00:00:00"),
        ("screen", "Home", "ada", None, None, None, "04 00:00:00", "04 00:00:00"),
        ("page", "/pricing", None, "browser", None, None, "04 10:00:00", "04 11:00:00"),
        ("identify", None, "ada", "browser", None, "ada@acme.example", "05 00:00:00", "05 00:00:00"),
        ("group", None, "ada", None, "w", None, "06 00:00:00", "06 00:00:00"),
        ("alias", None, "ada", "old", None, None, "07 00:00:00", "07 00:00:00"),
    ]


def test_rudderstack_s_own_columns_are_no_properties_and_the_product_s_are(whole: Rows):
    assert properties_of(whole, "rudderstack", "event_type in ('track', 'page', 'identify', 'group')") == [
        {"rows": 12},
        {},
        {"path": "/pricing", "url": "https://x.example/pricing", "plan": "pro"},
        {"title": "CTO", "phone": "555"},
        {"name": "Acme", "industry": "Software"},
    ]
    channels = whole("select channel from staging.stg_rudderstack__events where event_type = 'track' order by event_id")
    assert channels == [("web",), ("mobile",)]


def test_amplitude_events_come_once_and_never_after_their_receipt(whole: Rows):
    assert calls(whole, "amplitude", "event_type in ('track', 'page')") == [
        ("track", "Signed In", None, "phone", None, None, "01 00:00:00", "01 00:00:05"),
        ("track", "Report Created", "ada", "laptop", "w", None, "02 00:00:00", "02 00:00:00"),
        ("page", "/pricing", "ada", "laptop", "w", None, "05 00:00:00", "05 00:00:00"),
    ]


def test_amplitude_states_of_users_and_groups_speak_when_they_are_first_seen(whole: Rows):
    assert calls(whole, "amplitude", "event_type in ('identify', 'group')") == [
        ("group", None, "ada", "laptop", "w", None, "02 00:00:00", "02 00:00:00"),
        ("identify", None, "ada", "laptop", "w", "ada@acme.example", "02 00:00:00", "02 00:00:00"),
        ("identify", None, "eve", "tablet", None, None, "06 00:00:00", "06 00:00:00"),
    ]
    assert properties_of(whole, "amplitude", "event_type = 'group'") == [{"name": "Acme"}]


def test_amplitude_merges_tie_the_device_to_the_user_who_is_left_once_that_was_known(whole: Rows):
    assert calls(whole, "amplitude", "event_type = 'alias'") == [
        ("alias", None, "ada", "phone", None, None, "08 00:00:00", "08 00:00:00")
    ]


def test_mixpanel_events_come_once_by_name_time_person_and_insert_id(whole: Rows):
    assert calls(whole, "mixpanel", "event_type in ('track', 'page')") == [
        ("page", "/pricing", None, "browser", None, None, "01 00:00:00", "01 00:00:00"),
        ("track", "Report Created", "ada", None, "w", None, "01 00:00:00", "01 00:00:00"),
        ("track", "Signed In", "ada", "browser", "w", None, "02 00:00:00", "02 01:00:00"),
        ("track", "Signed In", None, "0f1e", None, None, "04 00:00:00", "04 00:00:00"),
    ]


def test_mixpanel_people_are_known_when_they_were_last_changed(whole: Rows):
    assert calls(whole, "mixpanel", "event_type = 'identify'") == [
        ("identify", None, None, "browser", None, None, "05 00:00:00", "05 00:00:00"),
        ("identify", None, "ada", None, None, "ada@acme.example", "08 00:00:00", "08 00:00:00"),
    ]
    [_, ada] = properties_of(whole, "mixpanel", "event_type = 'identify'")
    assert (ada["name"], ada["title"]) == ("Ada", "CTO")


def test_mixpanel_mappings_tie_ids_once_both_were_seen_and_the_device_may_be_the_one_that_stays(whole: Rows):
    assert calls(whole, "mixpanel", "event_type = 'alias'") == [
        ("alias", None, "ada", "browser", None, None, "01 00:00:00", "01 00:00:00"),
        ("alias", None, "eve", "0f1e", None, None, "05 00:00:00", "05 00:00:00"),
        ("alias", None, "eve", "0f1e", None, None, "05 00:00:00", "05 00:00:00"),
    ]


def test_posthog_events_name_persons_and_groups_as_its_sdks_mean_them(whole: Rows):
    assert calls(whole, "posthog") == [
        ("page", "/pricing", None, "browser", None, None, "01 00:00:00", "01 00:00:00"),
        ("track", "Report Created", "ada", "browser", "w", None, "02 00:00:00", "02 00:00:00"),
        ("track", "Signed In", "ada", None, "w", None, "04 00:00:00", "04 00:00:00"),
        ("identify", None, "ada", "browser", None, "ada@acme.example", "05 00:00:00", "05 00:00:00"),
        ("group", None, None, None, "w", None, "06 00:00:00", "06 00:00:00"),
        ("group", None, None, None, None, None, "06 00:00:00", "06 00:00:00"),
        ("alias", None, "ada", "old", None, None, "07 00:00:00", "07 00:00:00"),
        ("alias", None, "ada", "old", None, None, "07 00:00:00", "07 00:00:00"),
        ("track", "Signed In", "eve", None, None, "eve@acme.example", "08 00:00:00", "08 00:00:00"),
        ("track", "Looked", None, "browser2", None, None, "08 00:00:00", "08 00:00:00"),
    ]
    assert properties_of(whole, "posthog", "event_type = 'identify'") == [{"name": "Ada", "email": "Ada@Acme.example"}]
    assert properties_of(whole, "posthog", "group_id = 'w' and event_type = 'group'") == [{"name": "Acme"}]


def test_snowplow_events_are_those_that_were_collected_first(whole: Rows):
    assert calls(whole, "snowplow") == [
        ("page", "/pricing", None, "cookie", None, None, "01 00:00:00", "01 02:00:00"),
        ("track", "export", "ada", "cookie", None, None, "02 00:00:00", "02 02:00:00"),
        ("track", "report_created", "ada", "network", None, None, "03 00:00:00", "03 01:00:00"),
    ]
    assert properties_of(whole, "snowplow", "true") == [
        {"url": "https://x.example/pricing"}, {"category": "report", "action": "export"}, {"rows": 12},
    ]  # fmt: skip
    assert whole("select channel from staging.stg_snowplow__events order by available_at") == [
        ("web",), ("mobile",), ("server",),
    ]  # fmt: skip


def test_snowplow_s_own_events_late_twice_and_of_a_shared_cookie_are_read_as_documented(built: Callable[..., Rows]):
    """Against a plain reading of the file: one row per id, the first collected; nothing is dropped for being late."""
    path = SHARED_DATA / "snowplow_web" / "source" / "snowplow_web_events.csv"
    if not path.is_file():
        pytest.skip(f"real data {path.name} is absent; set PQL_SHARED_DATA to the folder that holds it")
    with path.open(encoding="utf-8", newline="") as file:
        events = [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
    first: dict[str, dict[str, str]] = {}
    for event in sorted(events, key=lambda event: (event["collector_tstamp"], event["derived_tstamp"])):
        first.setdefault(event["event_id"], event)
    expected = {
        f"snowplow:{name}": (
            event["user_id"],
            event["domain_userid"] or event["network_userid"],
            min(event["derived_tstamp"], event["collector_tstamp"]),
        )
        for name, event in first.items()
    }

    rows = built("real", {"snowplow": {"events": events}})

    moment = "strftime(occurred_at, '%Y-%m-%d %H:%M:%S.%g')"
    found = rows(f"select event_id, user_id, anonymous_id, {moment} from staging.stg_snowplow__events")
    assert len(events) == 160
    assert len(found) == len(expected) == 157
    assert {name: (user, cookie, at) for name, user, cookie, at in found} == expected
    hours_late = "date_diff('hour', occurred_at, available_at)"
    late = rows(f"select {hours_late} from staging.stg_snowplow__events where user_id like 'late arriving%'")
    assert [hours > 72 for (hours,) in late] == [True, True]
    shared = "select anonymous_id from staging.stg_snowplow__events group by 1 having count(distinct user_id) > 1"
    assert len(rows(shared)) == 1


@pytest.mark.parametrize("vendor", VENDORS[1:])
def test_an_absent_column_reads_as_nothing_and_an_absent_table_as_no_rows(sparse: Rows, vendor: str):
    name = "signed_in" if vendor == "rudderstack" else "Signed In"
    occurred = "02 00:00:00" if vendor == "amplitude" else "01 00:00:00"
    [(*said, _)] = calls(sparse, vendor)
    assert said == ["track", name, "ada", None, None, None, occurred]


def test_a_vendor_whose_tables_are_not_there_gives_no_rows(sparse: Rows):
    assert sparse("select count(*) from staging.stg_segment__events") == [(0,)]


@pytest.mark.parametrize("vendor", VENDORS[1:])
def test_every_event_has_an_id_of_its_own_that_names_the_vendor(whole: Rows, vendor: str):
    assert whole(
        f"""
        select count(*) = count(distinct event_id), bool_and(starts_with(event_id, '{vendor}:')), any_value(source)
        from staging.stg_{vendor}__events
        """
    ) == [(True, True, vendor)]
