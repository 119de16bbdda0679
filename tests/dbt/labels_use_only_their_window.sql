-- What a label tells happened in its window, which begins at the as-of date where the metrics end, and was known on the scored
-- date. A mature label has its whole window behind it; outcome, dates and flags say the same.
{{ config(meta={"dagster": {"ref": {"name": "account_labels"}}}) }}

with

scoring as (
    select as_of_date as scored_on from {{ ref("as_of_dates") }} where is_scoring
),

labels as (
    select
        labels.*,
        scoring.scored_on,
        labels.as_of_date + {{ setting("horizon_days", "integer") }} as window_end,
        -- Anchored at the creation of a deal, its end may lie behind the window.
        case
            when {{ setting("label_anchor") }} = 'opportunity_created' then cast(scoring.scored_on as timestamp)
            else labels.as_of_date + {{ setting("horizon_days", "integer") }}
        end as last_end
    from {{ ref("account_labels") }} as labels
    cross join scoring
),

final as (
    select *
    from labels
    where
        least(
            coalesce(won_at, as_of_date),
            coalesce(lost_at, as_of_date),
            coalesce(disqualified_at, as_of_date),
            coalesce(self_serve_paid_at, as_of_date),
            coalesce(expanded_at, as_of_date)
        ) < as_of_date
        or coalesce(won_at >= last_end, false)
        or coalesce(lost_at >= last_end, false)
        or coalesce(disqualified_at >= last_end, false)
        or coalesce(expanded_at >= last_end, false)
        or coalesce(self_serve_paid_at >= window_end, false)
        or greatest(
            coalesce(won_at, as_of_date),
            coalesce(lost_at, as_of_date),
            coalesce(disqualified_at, as_of_date),
            coalesce(self_serve_paid_at, as_of_date),
            coalesce(expanded_at, as_of_date)
        ) >= greatest(scored_on, as_of_date + 1)
        or is_won <> (won_at is not null)
        or is_won <> (outcome = 'won')
        or (outcome = 'none') <> (won_at is null and lost_at is null and disqualified_at is null and self_serve_paid_at is null)
        or is_mature <> (censored_by is null)
        or (is_mature and window_end > scored_on)
        or coalesce(is_expanded <> (expanded_at is not null), false)
)

select * from final
