-- Grain: one row per identifier: since when it could be known to belong to its person.
{{ config(materialized="earliest_reach") }}

select 'edge' as kind, left_node, right_node, available_at from {{ ref("identity_edges") }}
union all
select 'source', node, person_id, first_seen_at from {{ ref("person_anchors") }}
