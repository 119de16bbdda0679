-- Grain: one row per (workspace, identifier of somebody seen in it): the strongest identifier of a record. Not here: who was known
-- not to be one person on that day, such as a support login that visits everybody.

with

members as (
    select
        group_id,
        {{ identifier_node_of_observation() }} as node,
        min(available_at) as available_at
    from {{ ref("identity_observations") }}
    where group_id is not null
    group by group_id, {{ identifier_node_of_observation() }}
),

cuts as (
    select * from {{ ref("identifier_cuts") }}
),

final as (
    select
        members.group_id,
        members.node,
        members.available_at
    from members
    left join cuts
        on members.node = cuts.node and members.available_at >= cuts.cut_from and members.available_at < cuts.cut_until
    where members.node is not null and cuts.node is null
)

select * from final
