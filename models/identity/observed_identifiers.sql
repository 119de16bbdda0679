-- Grain: one row per (observation, identifier), every identifier that the observation shows. One that is only mentioned was not seen
-- there itself: the previous id of an alias, in case that was a user id, and what a decision joins (identity_overrides).

with

observations as (
    select * from {{ ref("identity_observations") }}
),

rules as (
    select * from {{ ref("identity_rules") }}
),

decided as (
    select * from {{ ref("decided_pairs") }} where decision = 'join'
),

shown as (
    {% for type in identifier_types() -%}
    select observation_id, '{{ type }}' as identifier_type, {{ type }} as identifier, false as is_mentioned
    from observations
    where {{ type }} is not null

    union all

    {% endfor -%}
    select observation_id, 'user_id', anonymous_id, true
    from observations
    where rule = 'alias' and anonymous_id is not null and anonymous_id is distinct from user_id

    union all

    select
        observations.observation_id,
        rules.identifier_type,
        {{ json_text("observations.other_identifiers", "rules.identifier_type") }},
        false
    from observations
    inner join rules on {{ json_text("observations.other_identifiers", "rules.identifier_type") }} is not null
    where observations.other_identifiers is not null
),

joined as (
    select md5(node || chr(31) || other_node) as observation_id, node from decided
    union all
    select md5(node || chr(31) || other_node), other_node from decided
),

final as (
    select
        shown.observation_id,
        shown.identifier_type || ':' || shown.identifier as node,
        shown.identifier_type,
        shown.identifier,
        rules.priority,
        shown.is_mentioned,
        observations.rule,
        observations.source,
        observations.available_at,
        observations.records
    from shown
    inner join rules on shown.identifier_type = rules.identifier_type
    inner join observations on shown.observation_id = observations.observation_id

    union all

    -- A decision is about the whole history: known from the beginning.
    select
        joined.observation_id,
        joined.node,
        rules.identifier_type,
        substr(joined.node, length(rules.identifier_type) + 2),
        rules.priority,
        true,
        'override',
        'identity_overrides',
        cast('1970-01-01' as timestamp),
        1
    from joined
    inner join rules on split_part(joined.node, ':', 1) = rules.identifier_type
)

select * from final
