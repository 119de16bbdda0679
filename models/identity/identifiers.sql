-- Grain: one row per identifier ever seen. A blocked one (identity_rules) ties nobody to anybody.

with

observations as (
    select * from {{ ref("identity_observations") }}
),

rules as (
    select * from {{ ref("identity_rules") }}
),

seen as (
    {% for type in identifier_types() %}
    select '{{ type }}' as identifier_type, {{ type }} as identifier, available_at, records from observations where {{ type }} is not null
    {{ "union all" if not loop.last }}
    {% endfor %}
),

first_seen as (
    select
        identifier_type,
        identifier,
        min(available_at) as first_seen_at,
        sum(records) as records
    from seen
    group by identifier_type, identifier
),

final as (
    select
        first_seen.identifier_type || ':' || first_seen.identifier as node,
        first_seen.identifier_type,
        first_seen.identifier,
        rules.priority,
        first_seen.first_seen_at,
        first_seen.records,
        coalesce({{ matches("lower(first_seen.identifier)", "rules.blocked_pattern") }}, false) as is_blocked
    from first_seen
    inner join rules on first_seen.identifier_type = rules.identifier_type
)

select * from final
