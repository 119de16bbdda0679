-- Grain: one row per (account, as-of date, signal) for signals the account has shown in the lookback.

with

person_signal_metrics as (
    select * from {{ ref("person_signal_metrics") }}
),

signals_known as (
    select
        account_id,
        signal,
        available_on,
        min(occurred_on) as occurred_on
    from {{ ref("account_days") }}
    group by account_id, signal, available_on
),

first_days as (
    select
        signals_known.account_id,
        signals_known.signal,
        as_of_dates.as_of_date,
        min(signals_known.occurred_on) as first_on
    from signals_known
    inner join {{ ref("as_of_dates") }} as as_of_dates
        on signals_known.available_on < as_of_dates.as_of_date and signals_known.occurred_on < as_of_dates.as_of_date
    group by signals_known.account_id, signals_known.signal, as_of_dates.as_of_date
),

aggregated as (
    select
        account_id,
        as_of_date,
        signal,
        {% for window in var("metric_windows") -%}
        cast(sum(events_{{ window }}d) as bigint) as events_{{ window }}d,
        {% endfor -%}
        {% for window in var("metric_windows") -%}
        {{ days_in_mask("bit_or(day_mask)", window) }} as active_days_{{ window }}d,
        {% endfor -%}
        {% for window in var("metric_windows") -%}
        cast(sum(case when days_since_last <= {{ window }} and person_id is not null then 1 else 0 end) as integer) as people_{{ window }}d,
        {% endfor -%}
        {{ exact_sum("amount_90d", 4) }} as amount_90d,
        {{ exact_sum("decayed_count", 9) }} as decayed_count,
        min(days_since_last) as days_since_last
    from person_signal_metrics
    group by account_id, as_of_date, signal
),

final as (
    select
        aggregated.account_id,
        aggregated.as_of_date,
        aggregated.signal,
        {% for kind in ["events", "active_days", "people"] -%}
        {% for window in var("metric_windows") -%}
        aggregated.{{ kind }}_{{ window }}d,
        {% endfor -%}
        {% endfor -%}
        aggregated.amount_90d,
        aggregated.decayed_count,
        ln(1 + aggregated.events_7d) - ln(1 + (aggregated.events_28d - aggregated.events_7d) / 3.0) as momentum,
        aggregated.as_of_date - first_days.first_on as days_since_first,
        aggregated.days_since_last
    from aggregated
    inner join first_days
        on aggregated.account_id = first_days.account_id
        and aggregated.signal = first_days.signal
        and aggregated.as_of_date = first_days.as_of_date
)

select * from final
