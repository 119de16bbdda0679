-- Grain: one row per identifier: the component of identifiers that belongs to one person.
{{ config(materialized="connected_components") }}

select left_node, right_node from {{ ref("identity_edges") }}
union all
select node, node from {{ ref("identifiers") }} where not is_blocked
