-- Grain: one row per organisation identifier: since when it could be known to belong to its account.
{{ config(materialized="earliest_reach") }}

select 'edge' as kind, left_node, right_node, available_at from {{ ref("organisation_edges") }}
union all
select 'source', node, account_id, first_seen_at from {{ ref("organisation_anchors") }}
