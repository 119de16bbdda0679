-- Grain: one row per organisation identifier: since when it could be known to belong to its account.
{{ config(materialized="earliest_reach") }}

select 'edge' as kind, left_node, right_node, available_at, {{ the_end_of_time() }} as known_until from {{ ref("organisation_edges") }}
union all
select 'source', node, account_id, first_seen_at, {{ the_end_of_time() }} from {{ ref("organisation_anchors") }}
