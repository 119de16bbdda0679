"""What forgetting writes, on a warehouse made by hand: a kiosk that Ann and Bob used, and a phone of Ann's alone."""

from datetime import datetime
from pathlib import Path

import pytest

from warehouse.connection import Backend, open_working
from warehouse.privacy import Forgotten, cut_companions, ensure_privacy, forget, identifier_hash
from warehouse.tables import query

CUT = datetime(2025, 12, 1)  # noqa: DTZ001 - times in the warehouse are UTC without a zone
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - times in the warehouse are UTC without a zone
ANN = ("user_id:ann", "email:ann@north.example")


@pytest.fixture
def backend(tmp_path: Path):
    with open_working(tmp_path) as opened:
        ensure_privacy(opened)
        opened.con.execute("create schema identity")
        opened.con.execute("create table identity.observed_identifiers (observation_id varchar, node varchar)")
        opened.con.execute("create table identity.identity_edges (left_node varchar, right_node varchar)")
        opened.con.execute(
            "create table identity.identifier_cuts (node varchar, cut_from timestamp, cut_until timestamp)"
        )
        opened.con.execute(
            """
            insert into identity.observed_identifiers values
                ('1', 'anonymous_id:kiosk'), ('1', 'user_id:ann'),
                ('2', 'anonymous_id:kiosk'), ('2', 'user_id:bob'),
                ('3', 'anonymous_id:phone'), ('3', 'user_id:ann'), ('3', 'email:ann@north.example'),
                ('4', 'anonymous_id:elsewhere'), ('4', 'user_id:bob')
            """
        )
        opened.con.execute(
            """
            insert into identity.identity_edges values
                ('user_id:ann', 'crm_lead_id:shared'), ('user_id:ann', 'anonymous_id:phone')
            """
        )
        opened.con.execute(
            """
            insert into identity.identifier_cuts values
                ('anonymous_id:kiosk', timestamp '2025-12-01', timestamp '9999-12-31'),
                ('anonymous_id:elsewhere', timestamp '2025-12-01', timestamp '9999-12-31'),
                ('crm_lead_id:shared', timestamp '2025-12-01', timestamp '9999-12-31'),
                ('anonymous_id:phone', timestamp '2025-12-01', timestamp '2025-12-05')
            """
        )
        yield opened


def test_what_was_cut_because_of_somebody_is_what_was_seen_or_tied_with_them_and_is_still_cut(backend: Backend):
    assert cut_companions(backend, ANN) == {"anonymous_id:kiosk": CUT, "crm_lead_id:shared": CUT}


def test_forgetting_keeps_hashes_and_no_identifier(backend: Backend):
    done = forget(backend, ANN, NOON)

    assert done == Forgotten(2, ("anonymous_id:kiosk", "crm_lead_id:shared"))
    assert query(backend, "select * from privacy.forgotten_identifiers order by identifier_hash") == [
        {"identifier_hash": hashed, "forgotten_at": NOON} for hashed in sorted(map(identifier_hash, ANN))
    ]
    assert query(backend, "select * from privacy.kept_cuts order by identifier_hash") == [
        {"identifier_hash": hashed, "kept_since": CUT}
        for hashed in sorted(map(identifier_hash, ("anonymous_id:kiosk", "crm_lead_id:shared")))
    ]


def test_forgetting_twice_keeps_the_first_time(backend: Backend):
    forget(backend, ANN, NOON)
    forget(backend, ANN, NOON.replace(hour=13))

    for table, time, first in (("forgotten_identifiers", "forgotten_at", NOON), ("kept_cuts", "kept_since", CUT)):
        assert query(backend, f"select {time} as at, count(*) as rows from privacy.{table} group by 1") == [
            {"at": first, "rows": 2}
        ]


def test_a_shared_identifier_of_the_person_itself_is_forgotten_not_kept(backend: Backend):
    done = forget(backend, [*ANN, "anonymous_id:kiosk"], NOON)

    assert done == Forgotten(3, ("crm_lead_id:shared",))


@pytest.mark.parametrize("node", ["user_id:1", "email:zoë@straße.example", "user_id:مرحبا", "user_id:👩‍💻"])
def test_sql_and_python_hash_alike(backend: Backend, node: str):
    assert query(backend, "select sha256(?) as hashed", [node]) == [{"hashed": identifier_hash(node)}]
