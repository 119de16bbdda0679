-- Grain: one row per (account, signal) for those of the five strongest signals of the published run that are numbers: what the account
-- shows, and what accounts that were won within the horizon showed at the same age. Only past dates with a known outcome are looked at, by
-- what was known then. Not here: words, a yes or a no, and what is not known of the account.
{{ config(materialized="view") }}

{% set ages = [0, 30, 60, 90, 180, 360] -%}
{% set fewest = 5 -%}

with

scoring as (
    select * from {{ ref("scoring_examples") }}
),

own_values as (
    {{ account_signal_values("scoring", with_flags=false) }}
),

contributions as (
    select
        contributions.run_id,
        contributions.account_id,
        contributions.signal,
        signals.label,
        contributions.rank,
        contributions.value,
        signals.measured_from in ('events', 'sequences') as is_counted
    from {{ ref("signal_contributions") }} as contributions
    inner join {{ ref("signals") }} as signals on contributions.signal = signals.signal
    left join own_values on contributions.account_id = own_values.account_id and contributions.signal = own_values.signal
    where
        contributions.rank between 1 and 5
        and (signals.measured_from in ('events', 'sequences') or own_values.value is not null)
),

-- The last has no end.
ages as (
    {% for age in ages -%}
    select {{ loop.index }} as place, {{ age }} as from_days, cast({{ "null" if loop.last else ages[loop.index] }} as integer) as below_days
    {{ "union all" if not loop.last }}
    {% endfor %}
),

aged as (
    select
        examples.account_id,
        max(ages.place) as place
    from scoring as examples
    inner join ages on examples.tenure__days >= ages.from_days
    group by examples.account_id
),

won_aged as (
    select
        examples.account_id,
        examples.as_of_date,
        max(ages.place) as place
    from {{ ref("training_examples") }} as examples
    inner join ages on examples.tenure__days >= ages.from_days
    where examples.is_won
    group by examples.account_id, examples.as_of_date
),

-- An account counts once at an age, at the last of its dates.
won as (
    select
        account_id,
        place,
        max(as_of_date) as as_of_date
    from won_aged
    group by account_id, place
),

counted_signals as (
    select distinct signal from contributions where is_counted
),

won_examples as (
    select examples.*
    from {{ ref("training_examples") }} as examples
    inner join won on examples.account_id = won.account_id and examples.as_of_date = won.as_of_date
),

measured_values as (
    {{ account_signal_values("won_examples", with_flags=false) }}
),

won_values as (
    select
        won.place,
        measured_values.signal,
        measured_values.value
    from won
    inner join measured_values on won.account_id = measured_values.account_id and won.as_of_date = measured_values.as_of_date
    where measured_values.value is not null

    union all

    select
        won.place,
        shown.signal,
        cast(coalesce(metrics.events_28d, 0) as double) as value
    from won
    cross join counted_signals as shown
    left join {{ ref("account_signal_metrics") }} as metrics
        on won.account_id = metrics.account_id
        and won.as_of_date = metrics.as_of_date
        and shown.signal = metrics.signal
),

spread as (
    select
        place,
        signal,
        count(*) as won_accounts,
        percentile_cont(0.25) within group (order by value) as won_lower_quartile,
        percentile_cont(0.5) within group (order by value) as won_median,
        percentile_cont(0.75) within group (order by value) as won_upper_quartile
    from won_values
    group by place, signal
    having count(*) >= {{ fewest }}
),

-- The same age, else the neighbour of more won accounts, of two alike the younger.
nearest as (
    select
        contributions.account_id,
        spread.*,
        aged.place as own_place,
        row_number() over (
            partition by contributions.account_id, contributions.signal
            order by abs(spread.place - aged.place), spread.won_accounts desc, spread.place
        ) as nearness
    from contributions
    inner join aged on contributions.account_id = aged.account_id
    inner join spread on contributions.signal = spread.signal and spread.place between aged.place - 1 and aged.place + 1
),

final as (
    select
        contributions.account_id,
        contributions.run_id,
        contributions.signal,
        contributions.label,
        contributions.rank,
        contributions.value,
        contributions.is_counted,
        case
            when nearest.place is null then 'none'
            when nearest.place = nearest.own_place then 'same_age'
            else 'neighbouring_age'
        end as compared_with,
        ages.from_days,
        ages.below_days,
        coalesce(nearest.won_accounts, 0) as won_accounts,
        nearest.won_lower_quartile,
        nearest.won_median,
        nearest.won_upper_quartile
    from contributions
    left join nearest
        on contributions.account_id = nearest.account_id
        and contributions.signal = nearest.signal
        and nearest.nearness = 1
    left join ages on nearest.place = ages.place
)

select * from final
