"""Salesforce and HubSpot as Fivetran writes them, in one warehouse: deals and contacts count once, a deleted win never.

What is expected is read from the same rows in plain Python: the seeds that Fivetran ships where they are there, and
beside them rows of the same columns with what those seeds lack: no deal of HubSpot's is won in them, no merged one is
left in the table.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import SHARED_DATA
from warehouse.connection import open_working
from warehouse.reference_lists import load_reference_lists
from warehouse.runs import ensure_ledger

Table = list[dict[str, str]]

HUBSPOT: dict[str, str] = {
    "company": """
        id,is_deleted,_fivetran_synced,property_name,property_domain,property_createdate,property_hs_merged_object_ids,property_pql_disposition,property_hs_updated_by_user_id,property_salesforceaccountid
        1,false,2026-03-01 00:00:00,Acme,acme.example,2026-01-01 00:00:00,2,good_lead,,
        2,true,2026-02-20 00:00:00,Acme twice,acme-old.example,2026-01-02 00:00:00,,Not a fit,77,
        3,true,2026-02-21 00:00:00,Gone,gone.example,2026-01-03 00:00:00,,,,
        5,false,2026-03-01 00:00:00,Both,both.example,2026-01-03 00:00:00,,,,
        6,false,2026-03-01 00:00:00,Joined,joined.example,2026-01-03 00:00:00,,,,
        7,false,2026-03-01 00:00:00,Synced,synced.example,2026-01-03 00:00:00,,,,001s
        8,false,2026-03-01 00:00:00,Synced elsewhere,elsewhere.example,2026-01-03 00:00:00,,,,001x
    """,
    "company_property_history": """
        company_id,timestamp,name,value,source_id
        1,2026-01-10 10:00:00,pql_disposition,not_ready,userId:77
        1,2026-01-11 10:00:00,pql_disposition_reason,no budget,userId:77
        1,2026-01-12 10:00:00,name,Acme,
        1,2026-01-01 00:00:00,name,Acme Ltd,
        1,2026-01-15 10:00:00,numberofemployees,50,
        1,2026-02-01 10:00:00,numberofemployees,250,
        1,2026-02-03 10:00:00,industry,SOFTWARE,
        1,2026-02-03 10:00:00,name,Acme,
        1,2026-02-05 10:00:00,industry,,
        2,2026-01-05 10:00:00,name,Acme twice,
        2,2026-02-25 10:00:00,name,changed after the merge,
        1,2026-01-20 10:00:00,pql_disposition,,
        1,2026-01-21 10:00:00,pql_disposition,not_ready,userId:9
        1,2026-01-22 10:00:00,pql_disposition,good_lead,someWorkflow
    """,
    "contact": """
        id,_fivetran_deleted,property_email,property_createdate,property_associatedcompanyid,property_hs_merged_object_ids,property_hs_calculated_merged_vids
        11,FALSE,ada@acme.example,2026-01-01 00:00:00,1,14,15:1769904000000;16:1769904001000
        12,FALSE,ada.two@acme.example,2026-01-02 00:00:00,1,,
        13,FALSE,ada.three@acme.example,2026-01-02 00:00:00,1,,
        14,FALSE,ada.four@acme.example,2026-01-02 00:00:00,1,,
        15,FALSE,ada.five@acme.example,2026-01-02 00:00:00,1,,
        16,TRUE,ada.six@acme.example,2026-01-02 00:00:00,1,,
        21,FALSE,bob@acme.example,2026-01-02 00:00:00,2,,
        22,TRUE,eve@gone.example,2026-01-02 00:00:00,3,,
    """,
    "contact_merge_audit": """
        canonical_vid,contact_id,vid_to_merge,timestamp
        11,11,12,2026-02-01 00:00:00
        12,12,13,2026-02-01 00:00:00
    """,
    "deal_pipeline_stage": """
        stage_id,pipeline_id,label,closed_won,is_closed,probability
        open,default,Demo,FALSE,FALSE,0.0
        won,default,Closed Won,TRUE,TRUE,1.0
        lost,default,Closed Lost,FALSE,TRUE,0.0
        old_won,old,Signed,,,1.0
        old_lost,old,Gone,,,0.0
        old_open,old,Talking,,,0.3
    """,
    "deal": """
        deal_id,is_deleted,deal_pipeline_id,deal_pipeline_stage_id,property_dealname,property_amount,property_closedate,property_createdate,property_hs_lastmodifieddate,_fivetran_synced
        101,false,default,won,won at the second try,100,2026-02-10 00:00:00,2026-01-05 00:00:00,2026-02-28 00:00:00,2026-03-01 00:00:00
        102,true,default,won,won and deleted,200,2026-02-10 00:00:00,2026-01-05 00:00:00,2026-02-11 00:00:00,2026-02-15 00:00:00
        103,false,default,won,merged into the first,100,2026-02-10 00:00:00,2026-01-05 00:00:00,2026-02-11 00:00:00,2026-03-01 00:00:00
        104,false,default,open,merged into the third,100,,2026-01-05 00:00:00,2026-02-11 00:00:00,2026-03-01 00:00:00
        105,false,default,lost,lost,100,2026-02-12 00:00:00,2026-01-05 00:00:00,2026-02-12 09:00:00,2026-03-01 00:00:00
        106,false,old,old_won,won by its probability alone,100,2026-02-13 00:00:00,2026-01-05 00:00:00,2026-02-13 09:00:00,2026-03-01 00:00:00
        107,false,old,old_lost,lost by its probability alone,100,2026-02-13 00:00:00,2026-01-05 00:00:00,2026-02-13 09:00:00,2026-03-01 00:00:00
        108,false,old,old_open,open,100,,2026-01-05 00:00:00,2026-02-13 09:00:00,2026-03-01 00:00:00
    """,  # noqa: E501
    "merged_deal": """
        deal_id,merged_deal_id
        101,103
        103,104
    """,
    "deal_company": """
        company_id,deal_id,type_id,category
        3,101,341,HUBSPOT_DEFINED
        2,101,5,HUBSPOT_DEFINED
        1,102,5,HUBSPOT_DEFINED
        1,103,5,HUBSPOT_DEFINED
        1,105,5,HUBSPOT_DEFINED
        1,107,5,HUBSPOT_DEFINED
        1,108,5,HUBSPOT_DEFINED
    """,
    "deal_contact": """
        contact_id,deal_id
        13,106
    """,
    "deal_property_history": """
        deal_id,timestamp,name,value
        101,2026-01-05 10:00:00,dealstage,open
        101,2026-01-05 10:00:00,amount,80
        101,2026-01-20 10:00:00,dealstage,lost
        101,2026-01-20 10:00:00,closedate,2026-01-20T09:00:00Z
        101,2026-01-25 10:00:00,dealstage,open
        101,2026-02-09 10:00:00,closedate,1770681600000
        101,2026-02-10 10:00:00,dealstage,won
        101,2026-02-27 10:00:00,amount,100
        103,2026-01-05 10:00:00,dealstage,open
    """,
    "deal_stage": """
        deal_id,value,date_entered,_fivetran_start
        101,open,2026-01-05 10:00:00,2026-01-05 10:00:00
        105,open,2026-01-05 10:00:00,2026-01-05 10:00:00
        105,lost,2026-02-12 08:00:00,2026-02-12 08:00:00
    """,
    "engagement_call": """
        engagement_id,_fivetran_deleted,property_hs_createdate,property_hs_timestamp,_fivetran_synced
        901,false,2026-01-10 10:00:00,2026-01-09 10:00:00,2026-01-10 11:00:00
        902,true,2026-01-10 10:00:00,2026-01-09 10:00:00,2026-01-12 11:00:00
    """,
    "engagement_email": """
        engagement_id,property_hs_createdate,property_hs_timestamp,property_hs_email_direction
        911,2026-01-10 10:00:00,2026-01-10 10:00:00,EMAIL
        912,2026-01-10 10:00:00,2026-01-10 10:00:00,INCOMING_EMAIL
    """,
    "engagement_meeting": """
        engagement_id,start_time,meeting_outcome,_fivetran_synced
        921,2026-01-15 10:00:00,COMPLETED,2026-01-10 10:00:00
        922,2026-01-15 10:00:00,NO_SHOW,2026-01-10 10:00:00
    """,
    "engagement_task": """
        engagement_id,property_hs_createdate,property_hs_timestamp,property_hs_task_status
        931,2026-01-10 10:00:00,2026-02-10 10:00:00,COMPLETED
        932,2026-01-10 10:00:00,2026-02-10 10:00:00,NOT_STARTED
    """,
    "engagement_company": """
        engagement_id,company_id
        901,2
        921,1
    """,
    "engagement_contact": """
        engagement_id,contact_id
        911,13
    """,
    "owner": """
        owner_id,email,first_name,last_name,active_user_id
        7,Rep@Product.Example,Rita,Rep,77
    """,
}  # fmt: skip

SALESFORCE: dict[str, str] = {
    "account": """
        id,name,website,is_deleted,created_date,pql_disposition_c,pql_disposition_reason_c,last_modified_by_id,last_modified_date
        001a,Beta,https://beta.example,false,2026-01-01 00:00:00,Good Lead, big team ,005a,2026-03-01 10:00:00
        001b,Both,https://www.both.example,false,2026-01-02 00:00:00,,,,
        001j,Joined,https://www.joined.example,false,2026-01-02 00:00:00,,,,
        001s,Synced Inc,https://www.synced.example,false,2026-01-05 00:00:00,,,,
        001f,Field,https://field.example,false,2026-01-01 00:00:00,not_ready,,005b,2026-03-01 10:00:00
        001v,Versions,https://versions.example,false,2026-01-01 00:00:00,good-lead,,005b,2026-03-01 10:00:00
    """,
    # Both things that a table of this name may be: Fivetran's versions, and Salesforce's own, a row per changed field.
    "account_history": """
        id,name,_fivetran_start,_fivetran_end,last_modified_by_id,pql_disposition_c,pql_disposition_reason_c,account_id,field,new_value,created_by_id,created_date
        001v,Versions,2026-01-01 10:00:00,2026-01-10 09:59:59,005b,,,,,,,2026-01-01 00:00:00
        001v,Versions,2026-01-10 10:00:00,2026-01-11 09:59:59,005a,Not ready,,,,,,2026-01-01 00:00:00
        001v,Versions Inc,2026-01-11 10:00:00,2026-02-01 09:59:59,005b,Not ready,no budget,,,,,2026-01-01 00:00:00
        001v,Versions Inc,2026-02-01 10:00:00,2026-02-05 09:59:59,005b,,,,,,,2026-01-01 00:00:00
        001v,Versions Inc,2026-02-05 10:00:00,2026-02-06 09:59:59,005b,Not ready,,,,,,2026-01-01 00:00:00
        001v,Versions Inc,2026-02-06 10:00:00,9999-12-31 23:59:59,005b,good-lead,,,,,,2026-01-01 00:00:00
        017a,,,,,,,001f,pql_disposition__c,good_lead,005a,2026-01-10 10:00:00
        017b,,,,,,,001f,Industry,Banking,005b,2026-01-11 10:00:00
        017c,,,,,,,001f,pql_disposition_reason__c,they asked,005a,2026-01-10 11:00:00
        017d,,,,,,,001f,pql_disposition__c,not_ready,005b,2026-01-12 10:00:00
    """,
    "user": """
        id,name
        005a,Ada Rep
    """,
    "opportunity": """
        id,account_id,is_closed,is_won,is_deleted,created_date,close_date,last_modified_date
        006a,001a,true,true,false,2026-01-01 00:00:00,2026-02-01 00:00:00,2026-02-01 09:00:00
        006b,001a,true,true,true,2026-01-01 00:00:00,2026-02-01 00:00:00,2026-02-03 09:00:00
        006c,001a,true,true,true,2026-01-01 00:00:00,2026-02-01 00:00:00,
    """,
}  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Per raw table its files: the rows above, and the vendor's seeds where they are there."""
    folder = tmp_path_factory.mktemp("raw")
    files: dict[str, list[Path]] = {}
    for schema, tables in (("hubspot", HUBSPOT), ("salesforce", SALESFORCE)):
        for table, text in tables.items():
            written = folder / f"{schema}.{table}.csv"
            written.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n", encoding="utf-8")
            files[f"{schema}.{table}"] = [written]
    for schema, prefix in (("hubspot", ""), ("salesforce", "sf_")):
        for seed in sorted((SHARED_DATA / f"fivetran_{schema}_seeds").glob(f"{prefix}*_data.csv")):
            files.setdefault(f"{schema}.{seed.name.removeprefix(prefix).removesuffix('_data.csv')}", []).append(seed)
    return files


@pytest.fixture(scope="module")
def built(
    raw: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory, dbt: Callable[..., object]
) -> Callable[[str], list[tuple]]:
    """Reads a warehouse in which both CRMs are loaded and staged, and their deals tied to accounts."""
    home = tmp_path_factory.mktemp("crms")
    with open_working(home) as backend:
        load_reference_lists(backend)
        ensure_ledger(backend)
        backend.con.execute("create schema salesforce; create schema hubspot")
        for table, files in raw.items():
            names = ", ".join(f"'{file}'" for file in files)
            backend.con.execute(
                f"create table {table} as "
                f"from read_csv([{names}], header = true, union_by_name = true, all_varchar = true)"
            )
    dbt(home, "seed", "--quiet")
    with open_working(home) as backend:
        backend.con.execute(
            "insert into config.identity_overrides values "
            "('join', 'crm_account', '001j', 'crm_account', 'hubspot:6', 'the same firm')"
        )
    dbt(
        home, "build", "--quiet", "--exclude-resource-type", "unit_test", "seed", "--indirect-selection", "cautious",
        "--select", "staging.salesforce", "staging.hubspot",
        "+account_opportunity_states", "+account_crm_activities", "+declared_dispositions",
        "account_crm_ids",
    )  # fmt: skip

    def rows(query: str) -> list[tuple]:
        with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return rows


def read(files: list[Path]) -> Table:
    found: Table = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            found.extend(csv.DictReader(lines))
    return found


def merged_away(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """From each (merged, kept) pair, the record at the end of the chain."""
    kept = dict(pairs)

    def end(record: str) -> str:
        return end(kept[record]) if record in kept else record

    return {merged: end(merged) for merged in kept}


def merged_contacts(raw: dict[str, list[Path]]) -> dict[str, str]:
    pairs = [(row["vid_to_merge"], row["canonical_vid"]) for row in read(raw["hubspot.contact_merge_audit"])]
    for row in read(raw["hubspot.contact"]):
        listed = [*(row.get("property_hs_merged_object_ids") or "").split(";")]
        listed += [entry.split(":")[0] for entry in (row.get("property_hs_calculated_merged_vids") or "").split(";")]
        pairs += [(merged, row["id"]) for merged in listed if merged]
    return merged_away(pairs)


def merged_deals(raw: dict[str, list[Path]]) -> dict[str, str]:
    return merged_away([(row["merged_deal_id"], row["deal_id"]) for row in read(raw["hubspot.merged_deal"])])


def hubspot_outcomes(raw: dict[str, list[Path]]) -> dict[str, str]:
    """What became of each deal of HubSpot's, by its id, without those that were merged away."""
    stages = {row["stage_id"]: row for row in read(raw["hubspot.deal_pipeline_stage"])}
    outcomes = {}
    for deal in read(raw["hubspot.deal"]):
        stage = stages.get(deal["deal_pipeline_stage_id"], {})
        probability = stage.get("probability")
        won = (stage.get("closed_won") or str(probability == "1.0")).lower() == "true"
        closed = won or (stage.get("is_closed") or str(probability == "0.0")).lower() == "true"
        state = "deleted" if deal["is_deleted"].lower() == "true" else "won" if won else "lost" if closed else "open"
        outcomes[f"hubspot:{deal['deal_id']}"] = state
    return {deal: state for deal, state in outcomes.items() if deal.removeprefix("hubspot:") not in merged_deals(raw)}


def salesforce_outcomes(raw: dict[str, list[Path]]) -> dict[str, str]:
    return {
        row["id"]: "deleted" if row["is_deleted"] == "true" else "won" if row["is_won"] == "true" else "open"
        for row in read(raw["salesforce.opportunity"])
    }


STAGED_OUTCOMES = """
    select
        opportunity_id,
        case
            when deleted_available_at is not null then 'deleted'
            when is_won then 'won'
            when is_closed then 'lost'
            else 'open'
        end
    from staging.stg_{}__opportunities
"""


def test_every_deal_of_hubspot_counts_once_and_a_deleted_win_is_none(
    built: Callable, raw: dict[str, list[Path]]
) -> None:
    staged = built(STAGED_OUTCOMES.format("hubspot"))
    assert len(staged) == len({deal for deal, _ in staged})
    assert dict(staged) == hubspot_outcomes(raw)
    assert {deal for deal, state in staged if state == "won"} == {"hubspot:101", "hubspot:106"}


def test_every_contact_of_hubspot_counts_once(built: Callable, raw: dict[str, list[Path]]) -> None:
    staged = [contact for (contact,) in built("select crm_contact_id from staging.stg_hubspot__contacts")]
    merged = merged_contacts(raw)
    assert sorted(staged) == sorted(
        f"hubspot:{row['id']}" for row in read(raw["hubspot.contact"]) if row["id"] not in merged
    )
    assert built("select crm_account_id from staging.stg_hubspot__contacts where crm_contact_id = 'hubspot:21'") == [
        ("hubspot:1",)
    ]


def test_a_deleted_win_of_salesforce_is_none(built: Callable, raw: dict[str, list[Path]]) -> None:
    staged = dict(built(STAGED_OUTCOMES.format("salesforce")))
    expected = salesforce_outcomes(raw)
    assert {deal for deal, state in staged.items() if state == "won"} == {"006a"}
    assert {deal for deal, state in staged.items() if state == "deleted"} == {
        deal for deal, state in expected.items() if state == "deleted"
    }


def test_deals_of_both_reach_their_accounts_and_only_what_stands_is_won(built: Callable) -> None:
    won = built(
        """
        select states.opportunity_id, accounts.name, accounts.crm_account_id, cast(states.known_from as varchar)
        from features.account_opportunity_states as states
        inner join identity.accounts as accounts on states.account_id = accounts.account_id
        where states.state = 'won' and states.known_until = timestamp '9999-12-31'
        order by states.opportunity_id
        """
    )
    assert won == [
        ("006a", "Beta", "001a", "2026-02-01 09:00:00"),
        ("hubspot:101", "Acme", "hubspot:1", "2026-02-10 10:00:00"),
        ("hubspot:106", "Acme", "hubspot:1", "2026-02-13 09:00:00"),
    ]


def test_a_deal_that_was_lost_and_won_later_keeps_both_with_what_was_known_then(built: Callable) -> None:
    changes = built(
        """
        select state, amount, cast(closed_at as varchar), cast(available_at as varchar)
        from staging.stg_hubspot__opportunity_changes where opportunity_id = 'hubspot:101' order by available_at
        """
    )
    assert changes == [
        ("open", 80.0, None, "2026-01-05 10:00:00"),
        ("lost", 80.0, "2026-01-20 09:00:00", "2026-01-20 10:00:00"),
        ("open", 80.0, None, "2026-01-25 10:00:00"),
        ("won", 80.0, "2026-02-10 00:00:00", "2026-02-10 10:00:00"),
    ]
    assert built(
        "select count(*) from staging.stg_hubspot__opportunity_changes where opportunity_id = 'hubspot:103'"
    ) == [(0,)]
    assert built(
        "select state from staging.stg_hubspot__opportunity_changes "
        "where opportunity_id = 'hubspot:105' order by available_at"
    ) == [("open",), ("lost",)]


def test_a_merged_company_points_to_the_one_that_stays(built: Callable) -> None:
    versions = built(
        """
        select
            crm_account_id, is_deleted, merged_into_crm_account_id,
            cast(available_at as varchar), cast(superseded_at as varchar)
        from staging.stg_hubspot__accounts where crm_account_id in ('hubspot:2', 'hubspot:3')
        order by crm_account_id, is_deleted, available_at
        """
    )
    assert versions == [
        ("hubspot:2", False, None, "2026-01-02 00:00:00", "2026-01-05 10:00:00"),
        ("hubspot:2", False, None, "2026-01-05 10:00:00", "2026-02-20 00:00:00"),
        ("hubspot:2", True, "hubspot:1", "2026-02-20 00:00:00", None),
        ("hubspot:3", False, None, "2026-01-03 00:00:00", "2026-02-21 00:00:00"),
        ("hubspot:3", True, None, "2026-02-21 00:00:00", None),
    ]


def test_a_company_is_what_its_properties_said_at_the_time(built: Callable) -> None:
    versions = built(
        """
        select
            name, employees, industry, website_host,
            strftime(available_at, '%m-%d %H'), strftime(superseded_at, '%m-%d')
        from staging.stg_hubspot__accounts where crm_account_id = 'hubspot:1' order by available_at
        """
    )
    assert versions == [
        ("Acme Ltd", None, None, "acme.example", "01-01 00", "01-12"),  # the domain has no history: today's
        ("Acme", None, None, "acme.example", "01-12 10", "01-15"),
        ("Acme", 50, None, "acme.example", "01-15 10", "02-01"),
        ("Acme", 250, None, "acme.example", "02-01 10", "02-03"),
        ("Acme", 250, "SOFTWARE", "acme.example", "02-03 10", "02-05"),
        ("Acme", 250, None, "acme.example", "02-05 10", None),
    ]


def test_what_a_rep_did_counts_and_nothing_else(built: Callable) -> None:
    activities = built(
        """
        select
            activity_id, activity_kind, crm_account_id, crm_contact_id,
            cast(occurred_at as varchar), cast(available_at as varchar)
        from staging.stg_hubspot__activities
        where length(activity_id) = 11 and deleted_available_at is null order by activity_id
        """
    )
    assert activities == [
        ("hubspot:901", "call", "hubspot:1", None, "2026-01-09 10:00:00", "2026-01-10 10:00:00"),
        ("hubspot:911", "email", None, "hubspot:11", "2026-01-10 10:00:00", "2026-01-10 10:00:00"),
        ("hubspot:921", "meeting", "hubspot:1", None, "2026-01-15 10:00:00", "2026-01-15 10:00:00"),
        ("hubspot:931", "task", None, None, "2026-02-10 10:00:00", "2026-02-10 10:00:00"),
    ]
    attributed = built(
        "select activity_id, deleted_available_at is not null from features.account_crm_activities order by activity_id"
    )
    assert attributed == [("hubspot:901", False), ("hubspot:911", False), ("hubspot:921", False)]


IDS_OF = """
    select ids.crm, ids.crm_account_id
    from identity.account_crm_ids as ids
    inner join identity.accounts as accounts on ids.account_id = accounts.account_id
    where accounts.name = '{}'
    order by ids.crm
"""


def test_a_company_in_both_crms_is_two_accounts_until_somebody_decides(built: Callable) -> None:
    accounts = "select crm_account_id, domain from identity.accounts where name = 'Both' order by 1"
    assert built(accounts) == [("001b", "both.example"), ("hubspot:5", "both.example")]
    assert built(
        "select refused_because from identity.organisation_claims where claimant = 'crm_account:hubspot:5'"
    ) == [("would join two CRM accounts",)]
    ids = (
        "select crm from identity.account_crm_ids where crm_account_id in ('001b', 'hubspot:5') order by crm_account_id"
    )
    assert built(ids) == [("salesforce",), ("hubspot",)]


def test_what_hubspot_synchronises_with_salesforce_is_one_account_from_when_both_were_there(built: Callable) -> None:
    assert built(IDS_OF.format("Synced")) == [("hubspot", "hubspot:7"), ("salesforce", "001s")]
    assert built(
        "select claimed, claimant, strftime(available_at, '%Y-%m-%d'), refused_because "
        "from identity.organisation_claims where rule = 'crm_sync'"
    ) == [("crm_account:hubspot:7", "crm_account:001s", "2026-01-05", None)]
    assert built("select count(*) from identity.accounts where name in ('Synced', 'Synced Inc')") == [(1,)]


def test_a_company_that_names_an_account_which_nobody_loaded_stands_for_itself(built: Callable) -> None:
    assert built(IDS_OF.format("Synced elsewhere")) == [("hubspot", "hubspot:8")]


def test_a_row_of_identity_overrides_makes_it_one_that_each_crm_knows_by_its_own_id(built: Callable) -> None:
    assert built("select count(*) from identity.accounts where name = 'Joined'") == [(1,)]
    assert built(IDS_OF.format("Joined")) == [("hubspot", "hubspot:6"), ("salesforce", "001j")]


DISPOSITIONS = """
    select account_given, given, reason, who, strftime(said_at, '%m-%d %H'), strftime(ended_at, '%Y-%m-%d'), is_dated
    from staging.declared_dispositions where source = '{}' order by account_given, said_at
"""


def test_every_change_of_the_field_in_salesforce_is_one_answer_with_who_and_when(built: Callable) -> None:
    assert built(DISPOSITIONS.format("salesforce")) == [
        ("001a", "Good Lead", "big team", "Ada Rep", "03-01 10", "9999-12-31", False),
        ("001f", "good_lead", "they asked", "Ada Rep", "01-10 10", "2026-01-12", True),
        ("001f", "not_ready", None, "005b", "01-12 10", "9999-12-31", True),
        ("001v", "Not ready", "no budget", "Ada Rep", "01-10 10", "2026-02-01", True),
        ("001v", "Not ready", None, "005b", "02-05 10", "2026-02-06", True),
        ("001v", "good-lead", None, "005b", "02-06 10", "9999-12-31", True),
    ]
    assert built("select distinct disposition from staging.declared_dispositions order by 1") == [
        ("good_lead",), ("not_a_fit",), ("not_ready",),
    ]  # fmt: skip
    assert built("select count(*) from staging.stg_salesforce__accounts where crm_account_id like '017%'") == [(0,)]


def test_every_change_of_the_property_in_hubspot_is_one_answer_on_the_company_that_stays(built: Callable) -> None:
    assert built(DISPOSITIONS.format("hubspot")) == [
        ("hubspot:1", "not_ready", "no budget", "Rita Rep", "01-10 10", "2026-01-20", True),
        ("hubspot:1", "not_ready", None, "9", "01-21 10", "2026-01-22", True),
        ("hubspot:1", "good_lead", None, None, "01-22 10", "9999-12-31", True),
        ("hubspot:1", "Not a fit", None, "Rita Rep", "02-20 00", "9999-12-31", False),
    ]


def test_the_seeds_that_fivetran_ships_are_staged_whole(built: Callable) -> None:
    if (
        not (SHARED_DATA / "fivetran_hubspot_seeds").is_dir()
        or not (SHARED_DATA / "fivetran_salesforce_seeds").is_dir()
    ):
        pytest.skip(f"{SHARED_DATA} is absent; set PQL_SHARED_DATA to the folder that holds fivetran_hubspot_seeds")

    def count(model: str, where: str = "true") -> int:
        return built(f"select count(*) from staging.stg_{model} where {where}")[0][0]

    assert count("hubspot__opportunities", "length(opportunity_id) > 11") == 44
    assert count("hubspot__opportunities", "length(opportunity_id) > 11 and is_closed") == 0
    # 22 rows, of which one contact names three others as merged into it.
    assert count("hubspot__contacts", "length(crm_contact_id) > 10") == 19
    assert count("hubspot__accounts", "length(crm_account_id) > 9") == 24
    assert count("hubspot__owners", "owner_id <> 'hubspot:7'") == 100
    # 100 meetings of the older schema; of the newer one call, message and e-mail, and no task that was done.
    assert count("hubspot__activities", "length(activity_id) > 11") == 103
    assert (
        count("salesforce__opportunities", "length(opportunity_id) > 4 and is_won and deleted_available_at is not null")
        == 5
    )
    assert count("salesforce__opportunities", "length(opportunity_id) > 4 and deleted_available_at is null") == 0


def test_a_loader_that_stands_still_is_told_of_and_an_old_history_only_warned_of(
    tmp_path: Path, dbt: Callable[..., object]
) -> None:
    days = {
        "salesforce.account": 1, "salesforce.account_history": 400, "salesforce.opportunity": 5,
        "salesforce.opportunity_history": 3, "hubspot.company": 3, "hubspot.company_property_history": 15,
        "hubspot.deal": 15, "hubspot.deal_property_history": 1,
    }  # fmt: skip
    with open_working(tmp_path) as backend:
        backend.con.execute("create schema salesforce; create schema hubspot")
        for table, age in days.items():
            synced = f"current_timestamp - interval {age} day as _fivetran_synced"
            backend.con.execute(f"create table {table} as select {synced}")
    with pytest.raises(AssertionError, match="Failure in source deal"):
        dbt(tmp_path, "source", "freshness", "--select", "source:salesforce", "source:hubspot")
    results = json.loads((tmp_path / "target" / "sources.json").read_text(encoding="utf-8"))["results"]
    assert {result["unique_id"].removeprefix("source.pql_scoring."): result["status"] for result in results} == {
        "salesforce.account": "pass", "salesforce.account_history": "warn", "salesforce.opportunity": "warn",
        "salesforce.opportunity_history": "pass", "hubspot.company": "pass", "hubspot.company_property_history": "warn",
        "hubspot.deal": "error", "hubspot.deal_property_history": "pass",
    }  # fmt: skip
