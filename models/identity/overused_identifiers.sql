-- Grain: one row per identifier that more identifiers of one type were tied to than a person has (limit_per_person, within
-- limit_days), such as a store id used as a user id or a login that impersonates everybody, and since when that is known. Once
-- seen, it stays: nobody grows out of having been a hundred people.

with

together as (
    select * from {{ ref("observed_together") }}
),

rules as (
    select * from {{ ref("identity_rules") }} where limit_per_person is not null
),

ranked as (
    select
        *,
        row_number() over (partition by observation_id order by priority, is_mentioned, node) as strength
    from together
),

-- Not with the strongest of the record alone: the address of a login that impersonates everybody is as bad as its user id.
pairs as (
    select
        ranked.node,
        others.identifier_type,
        others.node as other_node,
        min(greatest(ranked.available_at, others.available_at)) as available_at
    from ranked
    inner join ranked as others on ranked.observation_id = others.observation_id and ranked.strength < others.strength
    group by ranked.node, others.identifier_type, others.node
),

numbered as (
    select
        pairs.*,
        rules.limit_per_person,
        rules.limit_days,
        row_number() over (
            partition by pairs.node, pairs.identifier_type
            order by pairs.available_at, pairs.other_node
        ) as pair_number,
        count(*) over (partition by pairs.node, pairs.identifier_type) as pair_count
    from pairs
    inner join rules on pairs.identifier_type = rules.identifier_type
),

-- The limit is passed when the pair that stands that many places before came within the window.
over_limit as (
    select
        newer.node,
        newer.identifier_type,
        newer.available_at,
        newer.pair_count,
        newer.limit_per_person,
        newer.other_node,
        row_number() over (
            partition by newer.node
            order by newer.available_at, newer.identifier_type, newer.pair_number
        ) as finding
    from numbered as newer
    inner join numbered as older
        on newer.node = older.node
        and newer.identifier_type = older.identifier_type
        and newer.pair_number = older.pair_number + newer.limit_per_person
    where
        newer.limit_days is null
        or newer.available_at < {{ dbt.dateadd("day", "newer.limit_days", "older.available_at") }}
),

decided as (
    select node from {{ ref("decided_pairs") }} where decision = 'join'
    union
    select other_node from {{ ref("decided_pairs") }} where decision = 'join'
),

final as (
    select
        over_limit.node,
        over_limit.identifier_type as overused_by,
        over_limit.available_at as cut_from,
        over_limit.pair_count as identities,
        over_limit.limit_per_person as allowed,
        over_limit.other_node as example
    from over_limit
    left join decided on over_limit.node = decided.node
    where over_limit.finding = 1 and decided.node is null
)

select * from final
