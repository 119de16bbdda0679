-- Grain: one row per (identifier, span of time) in which it would have joined more people than one of its type may
-- (limit_per_identifier): a kiosk, a role mailbox, a shared phone, a store id declared as a person's. See cut_above_limit.
{{ config(materialized="cut_above_limit") }}

-- What a decision joins is not cut: decisions always win.
with

decided as (
    select node from {{ ref("decided_pairs") }} where decision = 'join'
    union
    select other_node from {{ ref("decided_pairs") }} where decision = 'join'
)

select
    'seen' as kind,
    together.observation_id,
    together.node,
    cast(null as varchar) as other_node,
    together.priority,
    together.is_mentioned,
    together.rule,
    together.source,
    together.available_at,
    cast(null as timestamp) as known_until,
    case when decided.node is null then rules.limit_per_identifier end as allowed
from {{ ref("observed_together") }} as together
inner join {{ ref("identity_rules") }} as rules on together.identifier_type = rules.identifier_type
left join decided on together.node = decided.node

union all

select 'cut', null, node, null, null, null, null, null, cut_from, {{ the_end_of_time() }}, null
from {{ ref("lasting_cuts") }}

union all

select 'apart', null, node, other_node, null, null, null, null, null, null, null
from {{ ref("decided_pairs") }}
where decision = 'separate'
