"""Every kind of mistake in the configuration is found, with file, line and fix."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from ml.dataset import SIGNAL_MEASURES
from orchestration.configuration import LONGEST_CHAIN, MODEL_MEASURES, PROJECT_SEEDS, find_problems

MISTAKES = [
    ("signals.csv", "team,active people", "team,", "'label' is blank"),
    ("signals.csv", ",collaboration,1,20,30,true,true,events", ",fun,1,20,30,true,true,events", "'category' is 'fun'"),
    ("signal_map.csv", "environment,equals,production", "environment,equal,production", "'operator' is 'equal'"),
    ("signal_map.csv", "environment,equals,production", "environment,,production", "property and operator go together"),
    ("signal_map.csv", ",signed_in,", ",signed_inn,", "signal 'signed_inn' is unknown. Did you mean 'signed_in'?"),
    ("scoring_rules.csv", "active_days_7d,1,3,", "active_weeks,1,3,", "signal 'activity' has no metric 'active_weeks'"),
    ("scoring_rules.csv", "active_days_7d,1,3,", "active_days_7d,3,1,", "the range 3 to 1 is empty"),
    ("scoring_rules.csv", "usage,30,activity,active_days_7d,5", "usage,20,activity,active_days_7d,5", "cap 20, but 30"),
    (
        "scoring_rules.csv",
        "active_days_7d,1,3,",
        "active_days_7d,1,4,",
        "overlaps with line 2. Let one range end where",
    ),
    ("scoring_rules.csv", "active_days_7d,3,5,", "active_days_7d,3,4,", "has no points from 4 to 5. Begin at 4"),
    ("scoring_rules.csv", "people_28d,5,,,20", "people_28d,5,,,21", "21 points are more than the cap 20"),
    (
        "scoring_rules.csv",
        "decision_makers,people_90d,1,,,2",
        "industry,name,,,Finance,2",
        "'Finance' has points on line 18 already",
    ),
    ("scoring_rules.csv", "name,,,Software|Finance", "name,3,,", "'industry name' is a text. Name its words in one_of"),
    ("scoring_rules.csv", "employees,200,,,", "employees,,,big,", "'company_size employees' is a number"),
    (
        "scoring_rules.csv",
        "firmographics,10,decision_makers,people_90d,1,,,2",
        "firmographics,10,team,people_28d,5,,,-2",
        "'team people_28d' takes points here and the opposite on line 8",
    ),
    (
        "scoring_rules.csv",
        "template_110,depth,15,breadth,signals_28d,4",
        "mine,depth,15,breadth,signals_28d,4",
        "'mine'",
    ),
    (
        "rule_presets.csv",
        "template_110,true",
        "template_110,false",
        "0 presets are in use for new_business. Write in_use true on exactly",
    ),
    ("rule_presets.csv", "115,false", "115,true", "2 presets are in use for new_business"),
    ("rule_presets.csv", "true,50,70", "false,50,70", "0 presets are in use for expansion"),
    ("rule_presets.csv", "true,40,70", "true,80,70", "hot_from 70 is below qualified_from 80"),
    (
        "fit_criteria.csv",
        "B,influencer,kind",
        "A,influencer,kind",
        "'influencer' is of tier B, but A on line 9",
    ),
    ("fit_criteria.csv", "employees,200,5000,", "employees,200,50,", "the range 200 to 50 is empty"),
    ("fit_criteria.csv", "A,core,industry,,,Software|Finance", "A,core,industry,1,,", "'industry' is a text"),
    ("fit_criteria.csv", "employees,50,,", "employees,,,many", "'employees' is a number"),
    ("fit_criteria.csv", "A,core,employees", "A,core,revenue", "'attribute' is 'revenue'"),
    ("bands.csv", "A,80,0.7", "A,80,0.4", "grade A asks for less confidence than grade B"),
    (
        "bands.csv",
        ",E,0,0",
        ",E,0,0\nbig,E,0,0",
        "'big' is no segment of segments.csv. Write nothing (all accounts) or self_",
    ),
    ("bands.csv", ",E,0,0", ",E,0,0\nnew,E,0,0", "grade 'A' of segment 'new' is missing"),
    ("segments.csv", "3,new,", "3,all,", "'all' is the name of the whole"),
    ("bands.csv", "E,0,0", "E,0,0.1", "accounts of less confidence would have no grade"),
    ("costs.csv", "\nreps,2,", "\nreps,,", "'reps' has no value"),
    ("costs.csv", "share_due_to_sales,1", "share_due_to_sales,2", "share_due_to_sales is 2"),
    ("phrases.csv", "For: {reasons}.", "For: {reason}.", "'reasons_for' holds reason. Write {reasons} in it"),
    ("phrases.csv", "\nready_rising,", "\nready_growing,", "'phrase' is 'ready_growing'"),
    ("signals.csv", "team,active people", "team,active; people", "holds a semicolon"),
    ("settings.csv", "band_margin,5", "band_margin,-1", "'band_margin' is '-1'"),
    ("bands.csv", "B,60", "B,90", "grade A begins at 80, not above grade B at 90"),
    ("bands.csv", "E,0,0", "E,5,0", "scores below the lowest grade would have none"),
    ("bands.csv", "C,40", "A,40", "'A' stands on line 2 already"),
    ("settings.csv", "horizon_days,90", "horizon_days,91", "'horizon_days' is '91'"),
    ("settings.csv", "label_anchor,closed_won", "label_anchor,won", "'label_anchor' is 'won'"),
    ("settings.csv", "history_days,365", "history_days,27", "Write a number from 28 to 3650"),
    ("settings.csv", "Disqualified|Unqualified", "Disqualified||Unqualified", "names with a bar and no blanks between"),
    (
        "settings.csv",
        "Disqualified|Unqualified",
        "Disqualified | Unqualified",
        "names with a bar and no blanks between",
    ),
    (
        "settings.csv",
        "label_preset,custom",
        "label_preset,market_leader",
        "which has horizon_days 30, but horizon_days is 90. Write horizon_days,30 or label_preset,custom",
    ),
    ("settings.csv", "cohort,", "cohorts,", "setting 'cohort' is missing"),
    ("settings.csv", "max_identifiers_per_person,500", "max_identifiers_per_person,none", "Write a number from 2"),
    (
        "routing_rules.csv",
        "10,*,,,*,",
        "10,*,,,A|B|C,",
        "kinds of accounts would get no play, such as a company of unknown size, fit D, intent inactive, readiness",
    ),
    ("routing_rules.csv", "10,*,,,*,", "10,company,,,*,", "would get no play, such as an individual of unknown size"),
    ("routing_rules.csv", "10,*,,,*,", "10,*,0,,*,", "would get no play, such as a company of unknown size"),
    ("routing_rules.csv", "6,company,,,*", "11,company,,,*", "no account reaches this row: lines"),
    (
        "routing_rules.csv",
        "2,*,,,*,*,*,customer",
        "2,*,,,*,*,expansion_ready,customer",
        "line 2 says 'expansion_review'",
    ),
    (
        "routing_rules.csv",
        "2,*,,,*,*,*,customer",
        "2,*,,,*,*,expansion_ready,unowned",
        "no account meets all conditions",
    ),
    ("routing_rules.csv", "4,company,200,,", "4,company,200,199,", "no account meets all conditions of this row"),
    (
        "routing_rules.csv",
        "A|B,*,sales_ready",
        "A|F,*,sales_ready",
        "'fit' is 'A|F'. Write * for any, or one or several",
    ),
    ("routing_rules.csv", "sales_rep,4,crm_task", "sales_reps,4,crm_task", "nobody in owners.csv has the role"),
    ("routing_rules.csv", "sales_rep,4,crm_task", "sales_rep,0,crm_task", "'sla_hours' is '0'"),
    ("owners.csv", "growth,*", "marketing,*", "no row of routing_rules.csv asks for the role 'marketing'"),
    ("owners.csv", "growth,*", "growth,US", "accounts outside the territories of 'growth' would have no owner"),
    ("owners.csv", "US|CA|BR,,,15", "US|CA|BR,,,0", "'weekly_slots' is '0'. Write a whole number from 1 to 1000"),
    ("owners.csv", "US|CA|BR,,,15", "US|MX,,,15", "overlap, and neither goes first"),
    ("owners.csv", "09:00,17:00", "18:00,17:00", "Alice Marsh works from 18:00 until 17:00"),
    ("owners.csv", "09:00,17:00", "9,17:00", "'works_from' is '9'. Write a time such as 09:00"),
    ("owners.csv", "America/Chicago", "Chicago", "'time_zone' is 'Chicago'"),
    ("owners.csv", "Mon|Tue|Wed|Thu|Fri", "Mon|Mon", "'working_days' is 'Mon|Mon'"),
    ("owners.csv", "Boris Nolan,", "Alice Marsh,", "'Alice Marsh' stands on line 2 already"),
    (
        "talking_points.csv",
        "dashboard_created,1",
        "dashboard_creatd,1",
        "signal 'dashboard_creatd' is unknown. Did you",
    ),
    ("play_overrides.csv", "on\n", "on\na,call,,x,me,2026-07-01\n", "play 'call' is unknown. Write none, or one of"),
    ("play_overrides.csv", "on\n", "on\na,none,Nobody,x,me,2026-07-01\n", "owner 'Nobody' is not in owners.csv"),
    ("play_overrides.csv", "on\n", "on\na,none,,x,me,1 July\n", "'expires_on' is '1 July'. Write a day such as"),
    ("talking_points.csv", "team,1", "activity,1", "'activity' cannot be counted"),
    ("talking_points.csv", "{n} exports", "many exports", "'many' does not say how many. Write {n}"),
    ("exclusions.csv", "state,customer", "state,customers", "States are customer, open_opportunity"),
    ("exclusions.csv", "crm_type_pattern,partner|reseller", "crm_type_pattern,(partner", "is a regular expression"),
    ("exclusions.csv", "title,student", "job,student", "'kind' is 'job'"),
    (
        "settings.csv",
        "disqualified_cool_down_days,90",
        "disqualified_cool_down_days,long",
        "Write a whole number from 0",
    ),
    ("settings.csv", "09:00-17:00 UTC", "09:00-17:00 Mars", "Write days, hours and a time zone"),
    ("identity_rules.csv", "crm_lead_id,4,1,,,exact,,,", "crm_lead_id,4,1,,,exact,,,(", "'blocked_pattern' is '('"),
    ("identity_rules.csv", "crm_lead_id,4,", "crm_lead_id,3,", "priority 3 stands on line 4 already"),
    ("identity_rules.csv", "crm_lead_id,4,", "Store Id,4,", "'identifier_type' is 'Store Id'"),
    ("identity_rules.csv", "crm_lead_id,4,", "store_id,4,", "nothing says where 'store_id' is to be found"),
    ("identity_rules.csv", "user_id,1,,10,,exact,,", "user_id,1,,10,,exact,uid,", "sources have a column for user_id"),
    ("identity_rules.csv", "crm_lead_id,4,1,,,", "crm_lead_id,4,1,,7,", "limit_days has nothing to limit"),
    ("identity_rules.csv", "crm_lead_id,4,1,,,exact", "crm_lead_id,4,1,,,fuzzy", "'normalisation' is 'fuzzy'"),
    ("blocked_identifiers.csv", "*,equals,null", "phone,equals,null", "identifier_type 'phone' is unknown"),
    ("mailbox_rules.csv", "fastmail.com,fastmail.com,false", "fastmail.com,fastmail.com,no", "'ignores_dots' is 'no'"),
    ("sequences.csv", ",setup_completed,", ",setup_complete,", "signal 'setup_complete' is unknown. Did you mean"),
    ("sequences.csv", "limit_then_checkout,", "signed_in,", "signal 'signed_in' is measured from events"),
    ("sequences.csv", ",limit_reached,", ",team,", "'team' has no days"),
    ("sequences.csv", ",pricing_viewed,", ",limit_then_checkout,", "'limit_then_checkout' is not measured from events"),
    ("sequences.csv", ",pricing_viewed,30", ",pricing_viewed,1.5", "'within_days' is '1.5'. Write whole days"),
    ("sequences.csv", ",pricing_viewed,30", ",pricing_viewed,366", "'within_days' is '366'"),
    ("sequences.csv", ",setup_completed,", ",setup_invite_then_pricing,", "'setup_then_invite' begins with itself"),
    ("sequences.csv", "limit_then_checkout,", "setup_then_invite,", "'setup_then_invite' stands on line 2 already"),
    (
        "signals.csv",
        "\nlimit_then_checkout,",
        "\nlimit_then_purchase,checkouts,intent,1,,,false,true,sequences,true\nlimit_then_checkout,",
        "nothing says which steps make 'limit_then_purchase'",
    ),
    ("signal_map.csv", ",signed_in,", ",setup_then_invite,", "signal 'setup_then_invite' is not measured from events"),
    ("signal_roles.csv", "login,signed_in", "login,activity", "signal 'activity' is not measured from events"),
    ("plan_limits.csv", "free,seats,3", "free,seats", "2 fields where the header has 3"),
    ("plan_limits.csv", "free,runs,10", "free,run,10", "nothing says how much of 'run' is used"),
    ("limit_usage.csv", "people_28d,", "people_28d,signed_in", "people_28d counts the people of every signal"),
    ("limit_usage.csv", "events_28d,api_called", "events_28d,", "nothing says what 'events_28d' counts"),
    ("limit_usage.csv", "events_28d,api_called", "events_7d,api_called", "'measure' is 'events_7d'"),
    ("limit_usage.csv", ",api_called", ",api_caled", "signal 'api_caled' is unknown. Did you mean 'api_called'?"),
    ("name_patterns.csv", "production,", "productive,", "'kind' is 'productive'"),
    ("name_patterns.csv", "production,\\blive\\b", "production,(live", "'pattern' is '(live'"),
    ("title_patterns.csv", "seniority,1,", "seniority,2,", "'seniority 2' stands on line"),
    ("settings.csv", "trial_days,14", "trial_days,0", "'trial_days' is '0'"),
    ("settings.csv", "drift_policy,warn", "drift_policy,shout", "Write one of warn, retrain, block"),
    ("settings.csv", "retrain_every_days,28", "retrain_every_days,0", "'retrain_every_days' is '0'"),
    ("settings.csv", "recency_half_life_days,0", "recency_half_life_days,7", "0 for off, or a number from 28 to 3650"),
    ("segments.csv", "1,self_serve,", "1,Self serve,", "'segment' is 'Self serve'"),
    ("segments.csv", "2,enterprise,", "1,enterprise,", "position 1 stands on line 2 already"),
    ("segments.csv", "2,enterprise,", "2,self_serve,", "'self_serve' stands on line 2 already"),
    ("segments.csv", "enterprise,company_size", "enterprise,company_sise", "Did you mean 'company_size'?"),
    ("segments.csv", "enterprise,company_size,employees", "enterprise,company_size,staff", "Write one of employees"),
    ("segments.csv", "enterprise,company_size,employees", "enterprise,industry,name", "no number 'name'"),
    (
        "segments.csv",
        "company_size,employees,200,",
        "api_called,events_7d,9,",
        "Write one of decayed_count, events_28d",
    ),
    ("segments.csv", "company_size,employees,200,", "sales_activity,tasks_28d,1,", "the model does not use"),
    ("segments.csv", "company_size,employees,200,", "company_size,employees,200,100", "the range 200 to 100 is empty"),
    ("segments.csv", "company_size,employees,200,", "company_size,employees,,", "everybody would belong to it"),
    ("exclusions.csv", "kind,value,reason", "kind,worth,reason", "column 'value' is missing"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT_SEEDS, tmp_path / "seeds")
    return tmp_path / "seeds"


def test_the_shipped_configuration_has_no_problem():
    assert list(find_problems(PROJECT_SEEDS)) == []


@pytest.mark.parametrize(("file", "text", "mistake", "message"), MISTAKES)
def test_a_mistake_is_named_with_file_line_and_fix(folder: Path, file: str, text: str, mistake: str, message: str):
    content = (folder / file).read_text(encoding="utf-8")
    assert text in content
    line = content[: content.index(text)].count("\n") + 1
    (folder / file).write_text(content.replace(text, mistake, 1), encoding="utf-8")

    problems = [problem for problem in find_problems(folder) if message in str(problem)]

    assert problems, [str(problem) for problem in find_problems(folder)]
    assert problems[0].file.endswith(file)
    assert problems[0].fix
    if "is missing" not in message:
        assert abs(problems[0].line - line) <= 4


def test_a_preset_claims_settings_and_sets_none(folder: Path):
    settings = folder / "settings.csv"
    text = settings.read_text(encoding="utf-8").replace("label_preset,custom", "label_preset,market_leader")
    settings.write_text(text, encoding="utf-8")
    claimed = [problem.what for problem in find_problems(folder)]

    for name, shipped, wanted in (
        ("horizon_days", "90", "30"),
        ("history_days", "365", "90"),
        ("label_anchor", "closed_won", "opportunity_created"),
    ):
        text = text.replace(f"\n{name},{shipped},", f"\n{name},{wanted},")
    settings.write_text(text, encoding="utf-8")

    assert claimed == [
        "label_preset is market_leader, which has horizon_days 30, but horizon_days is 90",
        "label_preset is market_leader, which has history_days 90, but history_days is 365",
        "label_preset is market_leader, which has label_anchor opportunity_created, but label_anchor is closed_won",
    ]
    assert list(find_problems(folder)) == []


@pytest.mark.parametrize("value", ["", "0", "180"])
def test_recency_weights_are_off_by_nothing_or_zero_and_on_by_days(folder: Path, value: str):
    settings = folder / "settings.csv"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("recency_half_life_days,0", f"recency_half_life_days,{value}"), encoding="utf-8")
    assert list(find_problems(folder)) == []


def test_segments_may_read_what_the_model_reads_of_a_signal():
    assert MODEL_MEASURES == SIGNAL_MEASURES


def test_a_leak_is_accepted_once_and_with_a_reason(folder: Path):
    (folder / "accepted_leaks.csv").write_text("feature,reason\nteam__people_28d,seen\nteam__people_28d,\n")

    messages = [str(problem) for problem in find_problems(folder)]

    assert any("accepted_leaks.csv:3: 'reason' is blank" in message for message in messages)
    assert any("accepted_leaks.csv:3: 'team__people_28d' stands on line 2 already" in message for message in messages)


def test_a_chain_of_sequences_has_an_end(folder: Path):
    chain = ["signed_in", *(f"step_{number}" for number in range(1, LONGEST_CHAIN + 2))]
    with (folder / "signals.csv").open("a", encoding="utf-8") as signals:
        signals.writelines(f"{name},steps,intent,1,,,false,false,sequences,true\n" for name in chain[1:])
    with (folder / "sequences.csv").open("a", encoding="utf-8") as sequences:
        sequences.writelines(f"{name},{first},pricing_viewed,7\n" for first, name in pairwise(chain))

    problems = [str(problem) for problem in find_problems(folder)]

    assert len(problems) == 1
    assert f"sequences.csv:{4 + LONGEST_CHAIN + 1}: 'step_5' is a chain of 5 sequences, more than 4" in problems[0]


def test_as_many_steps_are_taken_as_a_chain_may_have():
    model = PROJECT_SEEDS.parent / "models" / "activity" / "account_sequence_days.sql"

    assert f"{{% set longest_chain = {LONGEST_CHAIN} -%}}" in model.read_text(encoding="utf-8")


def test_a_missing_file_and_a_file_in_another_encoding_are_named(folder: Path):
    (folder / "bands.csv").unlink()
    (folder / "exclusions.csv").write_bytes("kind,value,reason\ndomain,caf\xe9.example,x\n".encode("latin-1"))

    messages = [str(problem) for problem in find_problems(folder)]

    assert any("bands.csv:1: the file is missing. Copy it from seeds/bands.csv" in message for message in messages)
    assert any("exclusions.csv:1: the file is not UTF-8" in message for message in messages)
