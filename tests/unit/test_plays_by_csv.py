"""What RevOps edits decides what is done: the shipped CSV files, edited one by one, over a few accounts."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.unit.edited_seeds import edited_seeds, load_seeds
from tests.unit.rendered_models import WARNING, rendered

pytestmark = pytest.mark.filterwarnings(WARNING)

SIZES = "'minimum_employees': 'BIGINT', 'maximum_employees': 'BIGINT'"
SEEDS = {
    "routing_rules": f"{{'position': 'INTEGER', 'sla_hours': 'INTEGER', {SIZES}}}",
    "owners": f"{{'weekly_slots': 'INTEGER', {SIZES}}}",
    "settings": "{'value': 'VARCHAR'}",
    "exclusions": "{'value': 'VARCHAR'}",
    "play_overrides": "{'account': 'VARCHAR', 'owner': 'VARCHAR', 'expires_on': 'VARCHAR'}",
}
AMERICAN, EUROPEAN = "sales_rep,US|CA|BR,,,15", "sales_rep,GB|SE|NL|DE|FR|ES,,,15"
# In the order in which each reads the ones before; those that the test fills by hand are tables.
MODELS = (
    "play_exclusions",
    "routed_accounts_by_run",
    "holdouts",
    "workable_accounts_by_run",
    "owner_deadlines_by_run",
    "owner_assignments",
    "plays_by_run",
)
# account, kind, employees, country, fit, intent, grade, ready, stage, customer, CRM owner
ACCOUNTS = (
    ("acc_hot", "company", 50, "GB", "B", "team_adopted", "A", True, "sales_ready", False, None),
    ("acc_standard", "company", 50, "US", "C", "high_intent", "B", True, "pql_ready", False, None),
    (
        "acc_owned",
        "company",
        50,
        "US",
        "C",
        "high_intent",
        "B",
        True,
        "pql_ready",
        False,
        "boris.nolan@product.example",
    ),
    ("acc_large", "company", 900, "US", "A", "team_adopted", "A", True, "sales_ready", False, None),
    ("acc_customer", "company", 50, "GB", "B", "team_adopted", "B", True, "excluded", True, None),
    ("acc_growing", "company", 50, "GB", "B", "team_adopted", "B", True, "expansion_ready", True, None),
    ("acc_low", "company", 50, "GB", "B", "exploring", "E", False, "exploring", False, None),
    ("ind_keen", "individual", None, None, "C", "high_intent", "B", True, "pql_ready", False, None),
)
TABLES = """
create table runs as select 'run_one' as run_id, 'running' as status, timestamp '2026-06-02 06:00:00' as started_at;
create table pointer (run_id varchar);
create table as_of_dates as select date '2026-06-01' as as_of_date, true as is_scoring;
create table given (
    account_id varchar, kind varchar, employees bigint, country varchar, fit varchar, intent varchar, grade varchar,
    is_ready boolean, stage varchar, is_customer boolean, owner varchar
);
create view account_score_history as
    select 'run_one' as run_id, account_id, 200 - ascii(grade) as score, grade, fit as fit_tier, intent as intent_tier,
        is_ready, stage from given;
create view expansion_score_history as
    select 'run_one' as run_id, account_id, 70 as score, true as is_ready from given where stage = 'expansion_ready';
create view accounts as select account_id, account_id || '.example' as domain, kind, owner as owner_id from given;
create view scoring_examples as
    select account_id, employees as company_size__employees, country as country__name from given;
create view account_cohort as select account_id, true as is_scoring, is_customer from given;
create view stg_salesforce__owners as
    select distinct owner as owner_id, owner as name, owner as email, true as is_active
    from given where owner is not null;
create view stg_hubspot__owners as select * from stg_salesforce__owners where false;
create view account_opportunity_states as
    select account_id, 'won' as state, timestamp '2026-01-01' as known_from, timestamp '9999-12-31' as known_until,
        timestamp '2026-01-01' as closed_at from given where is_customer;
create table account_exclusions (account_id varchar, reason varchar, available_at timestamp);
create table account_members (account_id varchar, person_id varchar, available_at timestamp);
create table persons (person_id varchar, email varchar);
create table person_consents (person_id varchar, opted_out_at timestamp);
create table account_talking_points (account_id varchar, talking_points varchar);
create table person_scores (account_id varchar, person_id varchar, is_first_contact boolean);
"""

Plays = dict[str, tuple[str, str, datetime | None, str]]


@pytest.fixture
def plays(tmp_path: Path) -> Callable[..., Plays]:
    """Plays of the accounts: play, owner, deadline and reason, with some texts of some files replaced."""

    def decide(**edits: tuple[str, str]) -> Plays:
        everybody_is_worked = (
            ("settings", "holdout_share,0.05", "holdout_share,0"),
            ("settings", "exploration_share,0.02", "exploration_share,0"),
        )
        asked_for = ((name, *edit) for name, edit in edits.items())
        folder = edited_seeds(tmp_path / "seeds", (*everybody_is_worked, *asked_for))
        with duckdb.connect() as connection:
            load_seeds(connection, folder, SEEDS)
            connection.execute(TABLES)
            connection.executemany(f"insert into given values ({', '.join('?' * 11)})", ACCOUNTS)
            for model in MODELS:
                connection.execute(f"create table {model} as {rendered(f'activation/{model}.sql')}")
            rows = connection.execute("select account_id, play, owner, due_at, reason from plays_by_run").fetchall()
        assert len(rows) == len(ACCOUNTS)
        return {row[0]: row[1:] for row in rows}

    return decide


def test_the_shipped_matrix_follows_the_promise(plays: Callable[..., Plays]):
    found = plays()

    assert {account: play[:2] for account, play in found.items()} == {
        "acc_hot": ("hot_pql", "Edith Quist"),
        "acc_standard": ("standard_pql", "Alice Marsh"),
        "acc_owned": ("standard_pql", "boris.nolan@product.example"),
        "acc_large": ("enterprise", "Mara Zeller"),
        "acc_customer": ("none", "nobody"),
        "acc_growing": ("expansion_review", "Olga Bright"),
        "acc_low": ("onboarding", "automation"),
        "ind_keen": ("founder_note", "Paul Crane"),
    }
    assert found["acc_customer"][3] == "Excluded: customer"
    # 06:00 UTC on a Tuesday in June: London begins at 08:00, New York at 13:00.
    assert found["acc_hot"][2] == datetime(2026, 6, 2, 9)  # noqa: DTZ001 - within the hour
    assert found["acc_standard"][2] == datetime(2026, 6, 2, 17)  # noqa: DTZ001 - within four


@pytest.mark.parametrize(
    ("file", "text", "replacement", "account", "expected"),
    [
        ("routing_rules", "hot_pql,sales_rep,1,slack", "blitz,growth,2,phone", "acc_hot", ("blitz", "Paul Crane")),
        ("routing_rules", "4,company,200,", "4,company,40,", "acc_standard", ("standard_pql", "Alice Marsh")),
        ("routing_rules", "3,company,200,,A|B", "3,company,1000,,A|B", "acc_large", ("hot_pql", "Alice Marsh")),
        ("exclusions", "state,customer,customer\n", "", "acc_customer", ("in_app_prompt", "automation")),
        ("owners", AMERICAN, "sales_rep,AU,,,15", "acc_standard", ("standard_pql", "Boris Nolan")),
        ("owners", EUROPEAN, "sales_rep,PT,,,15", "acc_hot", ("hot_pql", "Frank Rhodes")),
        ("owners", f"boris.nolan@product.example,{AMERICAN}", "boris.nolan@product.example,growth,*,,,15", "acc_owned",
         ("standard_pql", "Celia Ogden")),
        ("play_overrides", "on\n", "on\nacc_low,enterprise,Mara Zeller,met,me,2026-06-02\n", "acc_low",
         ("enterprise", "Mara Zeller")),
        ("play_overrides", "on\n", "on\nACC_HOT.example,none,,peace,me,2026-06-02\n", "acc_hot", ("none", "nobody")),
        ("play_overrides", "on\n", "on\nacc_hot,none,,peace,me,2026-06-01\n", "acc_hot", ("hot_pql", "Edith Quist")),
        ("settings", "holdout_share,0,", "holdout_share,0.5,", None, None),
    ],
)  # fmt: skip
def test_an_edited_file_changes_what_is_done(
    plays: Callable[..., Plays], file: str, text: str, replacement: str, account: str | None, expected: tuple | None
):
    before, after = plays(), plays(**{file: (text, replacement)})

    if account is None:
        held_out = [name for name, play in after.items() if play[3].startswith("Held out")]
        assert held_out
        assert not any(before[name][0] == "none" for name in held_out)
    else:
        assert after[account][:2] == expected


def test_working_hours_and_allowances_move_the_deadline(plays: Callable[..., Plays]):
    shorter = plays(routing_rules=("hot_pql,sales_rep,1,slack", "hot_pql,sales_rep,3,slack"))
    later = plays(owners=("Europe/London,Mon|Tue|Wed|Thu|Fri,09:00", "Europe/London,Wed|Thu,12:30"))

    assert shorter["acc_hot"][2] == datetime(2026, 6, 2, 11)  # noqa: DTZ001
    assert later["acc_hot"][2] == datetime(2026, 6, 3, 12, 30)  # noqa: DTZ001


def test_low_bands_are_explored_by_the_share(plays: Callable[..., Plays]):
    half = plays(settings=("exploration_share,0,", "exploration_share,0.5,"))
    none = plays()

    assert none["acc_low"][0] == "onboarding"
    assert half["acc_low"][0] in ("onboarding", "standard_pql")
    assert {name for name, play in half.items() if play[:2] != none[name][:2]} <= {"acc_low"}


def test_everybody_is_held_out_with_the_same_chance_and_every_band_to_its_share():
    share, salts = 0.15, 300
    bands = {"A": 13, "B": 40, "C": 7}
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        connection.execute("create table routing_rules as select 1 as position, 'rep' as owner_role")
        connection.execute("create table play_exclusions (account_id varchar)")
        connection.execute("create table settings (setting varchar, value varchar)")
        connection.execute(
            """
            create table routed_accounts_by_run (
                account_id varchar, grade varchar, position integer, position_if_qualified integer, ownership varchar,
                intent varchar, readiness varchar, override_play varchar
            )
            """
        )
        for grade, accounts in bands.items():
            connection.execute(
                """
                insert into routed_accounts_by_run
                select ? || n, ?, 1, 1, 'unowned', 'activated', 'pql_ready', null from range(?) as t(n)
                """,
                [grade, grade, accounts],
            )
        drawn: dict[str, int] = {}
        for salt in range(salts):
            connection.execute("delete from settings")
            connection.execute(
                "insert into settings values ('experiment_salt', ?), ('holdout_share', ?), ('exploration_share', '0')",
                [f"salt {salt}", str(share)],
            )
            rows = connection.execute(
                f"select account_id, stratum from ({rendered('activation/holdouts.sql')}) where is_drawn"
            ).fetchall()
            for grade, accounts in bands.items():
                held_out = sum(stratum == grade for _, stratum in rows)
                assert int(share * accounts) <= held_out <= int(share * accounts) + 1
            for account_id, _ in rows:
                drawn[account_id] = drawn.get(account_id, 0) + 1

    spread = (share * (1 - share) / salts) ** 0.5
    rates = [drawn.get(f"{grade}{n}", 0) / salts for grade, accounts in bands.items() for n in range(accounts)]
    assert max(abs(rate - share) for rate in rates) < 4 * spread
    assert abs(sum(rates) / len(rates) - share) < 0.01
