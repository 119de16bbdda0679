"""What a run passes on of what dbt said."""

from orchestration.dbt import made_anew


def test_a_table_that_was_made_anew_in_whole_is_said_unless_it_is_new() -> None:
    console = """Running with dbt=1.11.16
account_days: kept up to 2026-06-30; 2 accounts made anew
account_first_days: made anew in whole: there is none yet
account_signal_metrics: made anew in whole: its SQL, a seed it reads, dbt or the engine is another one now
Done.
"""
    assert made_anew(console) == [
        "account_signal_metrics: made anew in whole: its SQL, a seed it reads, dbt or the engine is another one now"
    ]
