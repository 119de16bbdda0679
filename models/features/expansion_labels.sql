-- Grain: one row per (customer, past as-of date) that a model may learn expansion from: no deal was open with it then, and whether it
-- bought more within the horizon is known now. Its metrics are in `account_metrics`.

with

cohort as (
    select * from {{ ref("account_cohort") }}
),

labels as (
    select * from {{ ref("account_labels") }}
),

final as (
    select
        labels.account_id,
        labels.as_of_date,
        true as is_eligible,
        labels.is_expansion_mature as is_mature,
        labels.is_expanded as is_won,
        labels.expanded_at as won_at,
        labels.expansion_amount as amount
    from labels
    inner join cohort on labels.account_id = cohort.account_id and labels.as_of_date = cohort.as_of_date
    where
        cohort.is_customer
        and not cohort.has_open_opportunity
        and cohort.cohort <> 'excluded'
        and labels.is_expansion_mature
)

select * from final
