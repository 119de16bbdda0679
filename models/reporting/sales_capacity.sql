-- Grain: one row per plan: what a week of sales work brings by the fixed borders, by the cut-off that maximises the expected
-- margin, and with one more rep. Money as in seeds/costs.csv.
{{ config(materialized="view") }}

with

costs as (
    select
        {% for cost in ["reps", "accounts_per_rep", "cost_per_account", "deal_value", "share_due_to_sales"] -%}
        max(case when cost = '{{ cost }}' then value end) as {{ cost }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ ref("costs") }}
),

won as (
    select avg(amount) as mean_amount from {{ ref("training_examples") }} where is_won and is_mature and amount is not null
),

accounts as (
    select
        scores.account_id,
        scores.grade,
        scores.score,
        scores.probability,
        scores.probability * costs.share_due_to_sales as wins,
        scores.probability * costs.share_due_to_sales * coalesce(costs.deal_value, won.mean_amount) - costs.cost_per_account as margin,
        costs.reps * costs.accounts_per_rep as slots,
        costs.accounts_per_rep as slots_of_one,
        row_number() over (order by scores.probability desc, scores.margin desc, scores.account_id) as place
    from {{ ref("account_scores") }} as scores
    cross join costs
    cross join won
    where scores.cohort = 'eligible' and scores.probability is not null
),

listed as (
    select 'grade_a' as plan, 1 as position, * from accounts where grade = 'A'
    union all
    select 'grades_a_and_b', 2, * from accounts where grade in ('A', 'B')
    union all
    select 'capacity', 3, * from accounts where margin > 0 and place <= slots
    union all
    select 'one_more_rep', 4, * from accounts where margin > 0 and place <= slots + slots_of_one
),

summed as (
    select
        plan,
        position,
        count(*) as accounts_listed,
        cast(case when plan = 'one_more_rep' then count(*) else least(count(*), max(slots)) end as bigint) as accounts_worked,
        min(score) as cutoff_score,
        min(probability) as cutoff_probability,
        avg(wins) as wins_of_one,
        avg(margin) as margin_of_one
    from listed
    group by plan, position
),

valued as (
    select
        *,
        accounts_worked * wins_of_one as expected_wins,
        accounts_worked * margin_of_one as expected_margin
    from summed
),

final as (
    select
        plan,
        accounts_listed,
        accounts_worked,
        cutoff_score,
        cutoff_probability,
        expected_wins,
        expected_margin,
        expected_margin - max(case when plan = 'capacity' then expected_margin end) over () as gain_over_capacity
    from valued
)

select * from final
