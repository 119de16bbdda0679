"""Signals to begin with: each preset is a whole configuration, and events of such a product make its signals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.configuration import ACCOUNT_MEASURES, PROJECT_SEEDS, ROLES, find_problems, rows_with_lines
from orchestration.signal_presets import PRESETS, FolderNotEmpty, UnknownPreset, preset_names, write_preset
from tests.unit.edited_seeds import load_seeds
from tests.unit.rendered_models import PROJECT, WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

NAMES = ["analytics", "collaboration", "developer_tool", "project_management"]
# The simulated company names no project and tells of no payment.
NOT_SHIPPED = {"analytics": {"checkout_completed", "project"}}
# Events as such products name them in Segment's way, object and action, and the signals they have to make.
TYPICAL = {
    "project_management": [
        ("Project Created", {"name": "Launch"}, {"project_created"}),
        ("Project Created", {"is_sample": True}, {"sample_project_created"}),
        ("Project Created", {"from_template": True}, {"project_created", "project_from_template"}),
        ("task completed", {}, {"task_completed"}),
        ("Project Shared", {"visibility": "external"}, {"project_shared_externally"}),
        ("Project Shared", {"visibility": "team"}, set()),
        ("Automation Created", {}, {"automation_created", "automation_built"}),
        ("Automation Created", {"from_template": True}, {"automation_created", "automation_from_template"}),
    ],
    "developer_tool": [
        ("API Key Created", {"environment": "production"}, {"production_key_created"}),
        ("API Key Created", {"environment": "test"}, {"test_key_created"}),
        ("Deployment Succeeded", {}, {"deployment_succeeded"}),
        ("API Called", {"calls": 12}, {"api_called"}),
        ("Rate Limit Exceeded", {}, {"rate_limited"}),
        ("Webhook Endpoint Created", {}, {"webhook_created"}),
    ],
    "collaboration": [
        ("Document Edited", {"editors": 3}, {"document_edited_together"}),
        ("Document Edited", {"editors": 1}, set()),
        ("Meeting Scheduled", {"recurring": True}, {"meeting_scheduled"}),
        ("Meeting Scheduled", {"recurring": False}, set()),
        ("User Mentioned", {}, {"teammate_mentioned"}),
        ("Channel Created", {"name": "production"}, {"space_created"}),
    ],
    "analytics": [
        ("Data Source Connected", {"environment": "production"}, {"production_source_connected"}),
        ("Report Scheduled", {}, {"report_scheduled"}),
    ],
}
EVERYWHERE = [
    ("Teammate Invited", {"department": "sales"}, {"teammate_invited"}),
    ("Limit Reached", {"limit": "seats"}, {"limit_reached"}),
    ("Signed In", {}, {"signed_in"}),
]

SEEDS = {
    "signal_map": "{'value': 'VARCHAR', 'property': 'VARCHAR'}",
    "identity_rules": "{'normalisation': 'VARCHAR'}",
    "mailbox_rules": "{'domain': 'VARCHAR'}",
}
EVENTS = """
create table identifiers (node varchar, is_blocked boolean);
create table events (
    event_id varchar, event_name varchar, properties varchar, source varchar default 'segment',
    event_type varchar default 'track', user_id varchar default 'u', anonymous_id varchar, group_id varchar,
    email varchar,
    occurred_at timestamp default timestamp '2026-01-01', available_at timestamp default timestamp '2026-01-01',
    country varchar, device varchar, channel varchar
);
"""


@pytest.fixture(scope="module")
def presets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("presets")
    for name in preset_names():
        write_preset(name, folder / name)
    return {name: folder / name for name in preset_names()}


def signals(folder: Path) -> dict[str, dict[str, str]]:
    return {row["signal"]: dict(row) for _, row in rows_with_lines(folder, "signals")}


def test_there_is_a_preset_for_each_type_of_product(presets: dict[str, Path]):
    assert list(presets) == NAMES
    assert all(list(find_problems(folder)) == [] for folder in presets.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_promised_signal_is_there(presets: dict[str, Path], name: str):
    """Activation, collaboration, data, repeat use, intent and cooling rest on roles; all else needs no event names."""
    played = {row["role"] for _, row in rows_with_lines(presets[name], "signal_roles")}

    assert set(ROLES) - played == NOT_SHIPPED.get(name, set())
    assert set(ACCOUNT_MEASURES) <= set(signals(presets[name]))
    assert len(rows_with_lines(presets[name], "sequences")) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_every_signal_of_events_is_made_and_known_by_one_meaning(presets: dict[str, Path], name: str):
    own, shipped = signals(presets[name]), signals(PROJECT_SEEDS)
    made = {row["signal"] for _, row in rows_with_lines(presets[name], "signal_map")}

    assert {signal for signal, row in own.items() if row["measured_from"] == "events"} == made
    for signal in own.keys() & shipped.keys():
        assert [own[signal][key] for key in ("category", "polarity")] == [
            shipped[signal][key] for key in ("category", "polarity")
        ]


@pytest.mark.parametrize("name", NAMES)
def test_typical_events_make_their_signals(presets: dict[str, Path], name: str):
    events = [*TYPICAL[name], *EVERYWHERE]
    connection = duckdb.connect()
    load_seeds(connection, presets[name], SEEDS)
    connection.execute(EVENTS)
    connection.executemany(
        "insert into events (event_id, event_name, properties) values (?, ?, ?)",
        [(str(place), event, json.dumps(properties)) for place, (event, properties, _) in enumerate(events)],
    )

    made = connection.execute(f"select event_id, signal from ({rendered('activity/signal_events.sql')})").fetchall()

    assert {
        place: {signal for event, signal in made if event == str(place)} for place in range(len(events))
    } == {place: expected for place, (_, _, expected) in enumerate(events)}  # fmt: skip


def test_presets_hold_only_what_differs():
    for folder in PRESETS.iterdir():
        for file in folder.iterdir():
            assert file.read_bytes() != (PROJECT_SEEDS / file.name).read_bytes(), file
        assert not any(",account_metrics," in line for line in (folder / "signals.csv").open(encoding="utf-8"))


def test_an_unknown_preset_and_a_folder_in_use_are_refused(tmp_path: Path):
    with pytest.raises(UnknownPreset, match="analytics, collaboration, developer_tool, project_management"):
        write_preset("games", tmp_path / "new")
    (tmp_path / "mine").touch()
    with pytest.raises(FolderNotEmpty):
        write_preset("analytics", tmp_path)


@pytest.mark.skipif(
    not os.environ.get("PQL_TEST_FULL"), reason="dbt reads the project once per preset; PQL_TEST_FULL=1"
)
@pytest.mark.parametrize("name", NAMES)
def test_dbt_loads_each_preset(presets: dict[str, Path], tmp_path: Path, name: str):
    environment = os.environ | {
        "PQL_HOME": str(tmp_path),
        "PQL_CONFIG": os.path.relpath(presets[name], PROJECT),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    dbt = [str(Path(sys.executable).parent / "dbt"), "seed", "--profiles-dir", "."]
    done = subprocess.run(dbt, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:]
    with duckdb.connect(str(tmp_path / "pql.duckdb"), read_only=True) as connection:
        loaded = connection.execute("select count(*) from config.signal_map").fetchall()
    assert loaded == [(len(rows_with_lines(presets[name], "signal_map")),)]
