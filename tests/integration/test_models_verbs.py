"""The verbs about models, all on one run of the small company."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration import cli, models
from tests.integration.conftest import Installation
from warehouse.connection import open_working
from warehouse.tables import query

FULL = os.environ.get("PQL_TEST_FULL") == "1"
NOW = datetime(2026, 7, 2, 5, tzinfo=UTC)


@pytest.fixture
def installed(small_company: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A copy of the built home; verbs run in this process."""
    copy = small_company.copied_to(tmp_path / "home")
    monkeypatch.setenv("PQL_HOME", str(copy.home))
    return copy


def pql(*arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(cli.app, list(arguments))
    assert result.exit_code == expect, result.output
    return " ".join(result.output.split())


def champion(installed: Installation) -> str:
    with open_working(installed.home) as backend:
        return models.champions_of(models.status_rows(backend))[-1]


def choose(installed: Installation) -> models.Choice:
    with open_working(installed.home) as backend:
        history, today = models.read_stored_history(backend), models.read_today(backend)
        return models.choose_model(backend, history, today, models.Decider(NOW))


def statuses(installed: Installation) -> list[tuple]:
    return installed.working(
        "select model_version, status, decided_by from ml.model_status where purpose = 'new_business' order by position"
    )


def test_the_first_model_is_champion_and_training_again_gives_the_same_hash(installed: Installation):
    version = champion(installed)
    before = installed.working("select model_version, integrity_hash, trained_at from ml.models order by all")

    outputs = [pql("train") for _ in range(2)]

    assert all(f"Model {version}" in output and "it is the champion" in output for output in outputs)
    assert installed.working("select model_version, integrity_hash, trained_at from ml.models order by all") == before
    assert statuses(installed) == [(version, "champion", "run")]
    assert f"{version} │" in pql("models")


def test_promotion_and_rollback_by_hand_are_one_verb_each_and_are_remembered(installed: Installation):
    learned = champion(installed)
    ((rules,),) = installed.working("select rules_version from publishing.runs")

    assert f"Champion: {rules}, in place of {learned}" in pql("models", "promote", rules)
    assert champion(installed) == rules
    assert "is champion already" in pql("models", "promote", rules, expect=2)
    assert f"Champion: {learned} again, in place of {rules}" in pql("models", "rollback")
    assert champion(installed) == learned
    assert "no champion before this one" in pql("models", "rollback", expect=2)
    assert "no model 'gb-0' is stored" in pql("models", "promote", "gb-0", expect=2)
    assert statuses(installed) == [
        (learned, "champion", "run"),
        (rules, "champion", "hand"),
        (rules, "rolled back", "hand"),
        (learned, "champion", "hand"),
    ]


def test_M5_M10_a_tampered_champion_is_not_parsed_and_the_rules_score_marked_so(installed: Installation):
    version = champion(installed)
    installed.change("update ml.models set model_text = model_text || ' ' where rung <> 'rules'")

    choices = [choose(installed) for _ in range(2)]

    assert choices[0].model_version == choices[1].model_version
    assert choices[0].model_version.startswith("rules-")
    assert "do not match their integrity hash" in choices[0].said[-1]
    assert "the rules score instead" in choices[0].said[-1]
    assert statuses(installed) == [(version, "champion", "run"), (version, "unusable", "hand")]
    listed = pql("models")
    assert "cannot be used" in listed
    assert "in place of a champion" not in listed
    assert "integrity hash" in pql("models", "card", expect=2)
    # Trained again from the same data it is the same model, stored as it was.
    pql("train")
    assert choose(installed).model_version == version
    assert statuses(installed)[-1] == (version, "champion", "hand")


def test_M10_a_champion_whose_features_are_gone_leaves_the_scores_to_the_rules(installed: Installation):
    version = champion(installed)
    installed.change("alter table features.scoring_examples drop column tenure__days")
    choice = choose(installed)
    assert choice.model_version.startswith("rules-")
    assert "tenure__days" in choice.said[-1]
    assert statuses(installed)[-1] == (version, "unusable", "hand")


@pytest.mark.skipif(not FULL, reason="a whole run; PQL_TEST_FULL=1")
def test_M10_a_run_with_a_tampered_champion_publishes_scores_that_say_they_are_rules(installed: Installation):
    installed.change("update ml.models set manifest = '{}' where rung <> 'rules'")
    output = installed.pql("run")
    assert "the rules score instead" in output
    scores = installed.published()["scores.account_scores"]
    assert scores
    assert {basis for (basis,) in installed.working("select distinct score_basis from scores.account_scores")} == {
        "rules"
    }
    assert any(row[2] == "unusable" for row in installed.published()["ml.model_status"])


def test_other_segments_and_another_half_life_are_trained_as_challengers_once(installed: Installation):
    version = champion(installed)
    assert [row[0] for row in segments_of(installed, version)] == ["self_serve", "enterprise", "new", "expansion"]
    assert all("the whole" in reason for _, reason in segments_of(installed, version))
    installed.change("create table shipped_segments as from config.segments")
    installed.change("delete from config.segments where segment <> 'enterprise'")
    installed.change("update config.settings set value = '60' where setting = 'recency_half_life_days'")

    first, again = choose(installed), choose(installed)

    assert "segments.csv or recency_half_life_days has changed" in first.said[-1]
    assert first.model_version == again.model_version == version
    assert again.said == first.said[:-1]
    newest = statuses(installed)[-1][0]
    assert newest != version
    assert statuses(installed)[-1] == (newest, "challenger", "hand")
    assert [row[0] for row in segments_of(installed, newest)] == ["enterprise"]
    # Changed back, the champion is what is asked for: nothing is trained, and nothing said of it.
    installed.change("update config.settings set value = '0' where setting = 'recency_half_life_days'")
    installed.change("delete from config.segments; insert into config.segments from shipped_segments")
    assert choose(installed).said == again.said
    assert statuses(installed)[-1][0] == newest


def segments_of(installed: Installation, version: str) -> list[tuple]:
    return installed.working(
        f"select segment, reason from ml.segments where model_version = '{version}' order by position"
    )


def test_the_backtest_is_reproducible_and_keeps_its_figures(installed: Installation):
    kept = "select * from ml.backtests where slice like 'month_%' order by all"
    output = pql("backtest", "--months", "2")
    first = installed.working(kept)
    pql("backtest", "--months", "2")

    assert first
    assert installed.working(kept) == first
    assert len({row[2] for row in first}) == 2
    assert "Backtest by month" in output
    assert len(list((installed.home / "reports").glob("backtest_*.txt"))) == 1


def test_the_card_is_one_file_with_its_pictures_and_says_what_it_knows(installed: Installation):
    pql("models", "card")
    page = (installed.home / "reports" / f"model_{champion(installed)}.html").read_text(encoding="utf-8")
    for heading in ("learned from", "later accounts", "Outcomes by grade", "Month by month", "moves the score", "Leak"):
        assert heading in page
    assert page.count("data:image/png;base64,") == 3
    # Not "http": four letters, and in one page of ten thousand a picture's base64 spells them.
    assert "://" not in page


def test_the_model_of_customers_has_a_champion_and_verbs_of_its_own(installed: Installation):
    before = champion(installed)
    ((of_customers,),) = installed.working("select distinct model_version from ml.expansion_predictions")
    assert of_customers != before

    assert "it is the champion" in pql("train", "--expansion")
    assert f"{of_customers} │ expansion" in pql("models")
    assert "no champion before" in pql("models", "rollback", "--expansion", expect=2)
    assert champion(installed) == before

    pql("models", "card", of_customers)
    page = (installed.home / "reports" / f"model_{of_customers}.html").read_text(encoding="utf-8")
    assert "customers by the chance that they buy more" in page
    assert "Outcomes by grade" not in page


def test_a_decision_of_a_run_that_failed_does_not_count(installed: Installation):
    before = champion(installed)
    with open_working(installed.home) as backend:
        backend.con.execute("insert into publishing.runs (run_id, status) values ('failed_run', 'failed')")
        models._decide(backend, models.Decider(NOW, "failed_run"), [("gb-other", "champion", "a better one")])
        assert models.champions_of(models.status_rows(backend)) == [before]
    choose(installed)
    assert statuses(installed) == [(before, "champion", "run")]


def test_drift_is_published_with_the_run_and_the_policy_can_block(installed: Installation):
    again = choose(installed)
    found = again.drift.to_pylist()
    assert {row["measure"] for row in found} == {"psi", "missing_share"}
    assert {row["model_version"] for row in found} == {champion(installed)}
    # Everybody is far busier than anybody was while the model was learned.
    installed.change("update config.settings set value = 'block' where setting = 'drift_policy'")
    installed.change(
        "update features.account_signal_metrics set decayed_count = 50 * decayed_count + 9, events_28d = 90"
    )
    with pytest.raises(models.DriftBlocks, match="drift_policy is block"):
        drift_only_today(installed)


def drift_only_today(installed: Installation) -> models.Choice:
    """Chooses with the history as it was: only today's metrics are the changed ones."""
    with open_working(installed.home) as backend:
        today = models.read_today(backend)
        query(
            backend,
            "update features.account_signal_metrics set decayed_count = (decayed_count - 9) / 50, events_28d = 1",
        )
        return models.choose_model(backend, models.read_stored_history(backend), today, models.Decider(NOW))
