-- Grain: one row per (account, person, sequence, day): the days on which somebody did the second step of a sequence after anybody
-- of the account had done the first. The columns are those of `account_days`. A day counts once, however often it was so, from
-- when both steps were known.

with

account_days as (
    select * from {{ ref("account_days") }}
),

sequences as (
    select * from {{ ref("sequences") }}
),

-- Each step makes the sequences whose first step the one before has made.
{% set longest_chain = 4 -%}
{% for step in range(1, longest_chain + 1) -%}
first_steps_{{ step }} as (
    select
        account_id,
        signal,
        occurred_on,
        available_on,
        min(first_at) as first_at
    from {{ "account_days" if loop.first else "sequences_" ~ (step - 1) }}
    where signal in (select sequences.first from sequences)
    group by account_id, signal, occurred_on, available_on
),

completed_{{ step }} as (
    select
        second_steps.account_id,
        second_steps.person_id,
        sequences.signal,
        second_steps.occurred_on,
        greatest(first_steps.available_on, second_steps.available_on) as available_on,
        -- Where the first step came between two second ones of that day, only the last of them is sure to follow it.
        case when first_steps.first_at < second_steps.first_at then second_steps.first_at else second_steps.last_at end as first_at,
        second_steps.last_at
    from first_steps_{{ step }} as first_steps
    inner join sequences on first_steps.signal = sequences.first
    inner join account_days as second_steps
        on first_steps.account_id = second_steps.account_id
        and sequences."then" = second_steps.signal
        and first_steps.first_at < second_steps.last_at
        and first_steps.occurred_on >= second_steps.occurred_on - sequences.within_days
),

known_since_{{ step }} as (
    select
        *,
        min(available_on) over (partition by account_id, person_id, signal, occurred_on) as known_on
    from completed_{{ step }}
),

sequences_{{ step }} as (
    select
        account_id,
        person_id,
        signal,
        occurred_on,
        available_on,
        min(first_at) as first_at,
        max(last_at) as last_at
    from known_since_{{ step }}
    where available_on = known_on
    group by account_id, person_id, signal, occurred_on, available_on
),

{% endfor -%}
final as (
    {% for step in range(1, longest_chain + 1) -%}
    select
        account_id,
        person_id,
        signal,
        occurred_on,
        available_on,
        cast(1 as bigint) as events,
        cast(1 as bigint) as counted_events,
        cast(null as double) as amount,
        first_at,
        last_at
    from sequences_{{ step }}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from final
