{#-
    Each signal's share of the margin, of every account that one model of the run under way has scored, as a query: its features summed,
    with the signal's value, the words for it, its part and its rank.
-#}
{% macro contributions_by_signal(feature_contributions) -%}
with

contributions as (
    select * from {{ feature_contributions }} where run_id = {{ running_run() }}
),

summed as (
    select
        run_id,
        account_id,
        signal,
        {{ exact_sum("contribution") }} as contribution,
        {{ exact_sum("points") }} as points
    from contributions
    group by run_id, account_id, signal
),

final as (
    select
        summed.run_id,
        summed.account_id,
        summed.signal,
        summed.contribution,
        summed.points,
        case
            when summed.signal = 'baseline' then 'base'
            when summed.contribution > 0 then 'up'
            when summed.contribution < 0 then 'down'
            else 'none'
        end as direction,
        signal_values.value,
        coalesce(signal_values.phrase, signals.label, 'where every account starts') as label,
        case
            when summed.signal = 'baseline' then 'baseline'
            when signals.category = 'fit' then 'fit'
            when signals.category in ('readiness', 'cooling') then 'readiness'
            else 'intent'
        end as part,
        cast(
            case
                when summed.signal = 'baseline' then 0
                else row_number() over (
                    partition by summed.account_id
                    order by case when summed.signal = 'baseline' then 1 else 0 end, abs(summed.contribution) desc, summed.signal
                )
            end as integer
        ) as rank
    from summed
    left join {{ ref("signals") }} as signals on summed.signal = signals.signal
    left join {{ ref("signal_values") }} as signal_values
        on summed.account_id = signal_values.account_id and summed.signal = signal_values.signal
)

select * from final
{%- endmacro %}
