-- Grain: one row per as-of date: the dates that training looks back from, and the one that is scored (`is_scoring`). The
-- latter is the first midnight by which every fact received so far is known, so a run without new data changes nothing;
-- `pql run --as-of` names another and `pql metrics` that one alone (docs/decisions/0005-the-as-of-date-follows-the-data.md).

with

facts as (
    select min(available_at) as first_known_at, max(available_at) as last_known_at from {{ ref("events") }}
    union all
    select min(created_available_at), max(greatest(created_available_at, coalesce(closed_available_at, created_available_at)))
    from {{ crm_records("opportunities") }} as opportunities
    union all
    select min(created_available_at), max(greatest(created_available_at, coalesce(closed_available_at, created_available_at)))
    from {{ ref("stg_backend__opportunities") }}
),

span as (
    select
        cast(min(first_known_at) as date) as first_day,
        {% if var("as_of_date", none) -%}
        cast('{{ var("as_of_date") }}' as date) as scoring_date
        {%- else -%}
        cast(max(last_known_at) as date) + 1 as scoring_date
        {%- endif %}
    from facts
    where last_known_at > cast('1971-01-01' as timestamp)
),

days as (
    select cast(unnest(generate_series(span.first_day + 1, span.scoring_date, interval 1 day)) as date) as as_of_date, span.scoring_date
    from span
),

final as (
    select
        as_of_date,
        as_of_date = scoring_date as is_scoring
    from days
    where
        as_of_date = scoring_date
        {%- if not var("only_as_of_date", false) %}
        or ({{ setting("as_of_every") }} = 'month' and extract(day from as_of_date) = 1)
        or ({{ setting("as_of_every") }} = 'week' and extract(isodow from as_of_date) = 1)
        {%- endif %}
)

select * from final
