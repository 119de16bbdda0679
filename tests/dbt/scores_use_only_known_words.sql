-- The words that people filter by are those that the contract names, and numbers stay on their scales.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

select
    account_id,
    grade,
    stage,
    score_basis,
    cohort,
    fit_tier,
    intent_tier,
    score,
    percentile,
    summary_short
from {{ ref("account_score_history") }}
where
    run_id = {{ running_run() }}
    and (
        coalesce(grade, '') not in ('A', 'B', 'C', 'D', 'E')
        or coalesce(stage, '') not in ('exploring', 'activated', 'pql_ready', 'sales_ready', 'expansion_ready', 'excluded')
        or coalesce(score_basis, '') not in ('rules', 'scorecard', 'logistic', 'gradient_boosting', 'blend')
        or coalesce(cohort, '') not in ('eligible', 'customer', 'open_opportunity', 'inactive', 'never_active', 'excluded')
        or coalesce(fit_tier, '') not in ('A', 'B', 'C', 'D')
        or coalesce(intent_tier, '') not in ('inactive', 'exploring', 'activated', 'high_intent', 'team_adopted')
        or coalesce(score, -1) not between 0 and 100
        or coalesce(percentile, -1) not between 0 and 100
        or coalesce(length(summary_short), 256) > 255
    )
