-- Grain: one row per organisation identifier: the component that is one company.
{{ config(materialized="connected_components") }}

select left_node, right_node from {{ ref("organisation_edges") }}
union all
select node, node from {{ ref("organisation_identifiers") }}
