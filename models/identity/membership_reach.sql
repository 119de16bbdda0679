-- Grain: one row per (identifier, 'rule|organisation identifier'): since when the evidence could be known to speak of that
-- identifier, through whatever ties it to the person.
{{ config(materialized="earliest_reach") }}

select 'edge' as kind, left_node, right_node, available_at from {{ ref("identity_edges") }}
union all
select 'source', node, rule || '|' || organisation_node, available_at from {{ ref("membership_evidence") }}
