-- Grain: one row per pair of identifiers that some record tied together, whether or not the rules accept it.
-- A user id is the hub: with one present, everything else is tied to it and not to each other, so that a shared device
-- cannot join two people through their addresses.

with

observations as (
    select * from {{ ref("identity_observations") }}
),

identifiers as (
    select * from {{ ref("identifiers") }}
),

pairs as (
    select rule, 'anonymous_id:' || anonymous_id as lower_node, 'user_id:' || user_id as higher_node, occurred_at, available_at
    from observations
    where anonymous_id is not null and user_id is not null

    union all

    select rule, 'email:' || email, 'user_id:' || user_id, occurred_at, available_at
    from observations
    where email is not null and user_id is not null

    union all

    select rule, 'anonymous_id:' || anonymous_id, 'email:' || email, occurred_at, available_at
    from observations
    where anonymous_id is not null and email is not null and user_id is null

    union all

    select rule, 'crm_contact_id:' || crm_contact_id, 'email:' || email, occurred_at, available_at
    from observations
    where crm_contact_id is not null and email is not null

    union all

    select rule, 'crm_lead_id:' || crm_lead_id, 'email:' || email, occurred_at, available_at
    from observations
    where crm_lead_id is not null and email is not null

    union all

    -- An alias from one user id to another: the old one was given as the previous id.
    select rule, 'user_id:' || anonymous_id, 'user_id:' || user_id, occurred_at, available_at
    from observations
    where rule = 'alias' and anonymous_id is not null and user_id is not null and anonymous_id <> user_id
),

known_pairs as (
    select
        pairs.lower_node,
        pairs.higher_node,
        lower_identifiers.identifier_type as lower_type,
        lower_identifiers.priority > higher_identifiers.priority as is_ranked,
        lower_identifiers.is_blocked or higher_identifiers.is_blocked as is_blocked,
        pairs.rule,
        pairs.occurred_at,
        -- A pair is known once both ends are: an alias may name an id before it is ever used.
        greatest(pairs.available_at, lower_identifiers.first_seen_at, higher_identifiers.first_seen_at) as available_at,
        row_number() over (
            partition by pairs.lower_node, pairs.higher_node
            order by pairs.available_at, pairs.occurred_at, pairs.rule
        ) as observation
    from pairs
    inner join identifiers as lower_identifiers on pairs.lower_node = lower_identifiers.node
    inner join identifiers as higher_identifiers on pairs.higher_node = higher_identifiers.node
),

ranked as (
    select
        *,
        row_number() over (
            partition by lower_node, is_ranked, is_blocked
            order by available_at, higher_node
        ) as claim
    from known_pairs
    where observation = 1
),

final as (
    select
        ranked.lower_node,
        ranked.higher_node,
        ranked.rule,
        ranked.occurred_at,
        ranked.available_at,
        case
            when ranked.is_blocked then 'blocked identifier'
            when ranked.is_ranked and ranked.claim > rules.limit_per_identifier then 'over the limit of its type'
        end as refused_because
    from ranked
    inner join {{ ref("identity_rules") }} as rules on ranked.lower_type = rules.identifier_type
)

select * from final
