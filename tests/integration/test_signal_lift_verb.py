"""`pql signals lift` on a run of the small company."""

from tests.integration.conftest import Installation


def test_what_separates_converters_is_printed_with_its_uncertainty(small_company: Installation):
    before, first = (
        small_company.pql("signals", "lift", *arguments) for arguments in ((), ("--window", "first_14_days", "-n", "3"))
    )

    assert "The 30 days before a deal" in before
    assert "teammates invited" in before
    assert "left out, whose outcome nobody knows yet" in before
    assert "The first 14 days" in first
    assert sum(" to " in line and "%" in line for line in first.splitlines()) == 3


def test_only_the_windows_that_there_are_can_be_asked_for(small_company: Installation):
    assert "first_7_days" in small_company.pql("signals", "lift", "--window", "last_year", expect=2)


def test_lift_is_of_the_published_run_and_complete(small_company: Installation):
    published = small_company.published()
    run_id = small_company.working("select run_id from publishing.pointer")[0][0]
    signals = small_company.working("select count(*) from config.signals where measured_from = 'events'")[0][0]

    assert {row[0] for row in published["reporting.signal_lift"]} == {run_id}
    assert len(published["reporting.signal_lift"]) == 3 * signals * 5  # windows, signals, thresholds
    assert len({row[:5] for row in published["reporting.signal_lift_by_month"]}) == 3 * signals * 2
