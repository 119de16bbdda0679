-- Grain: one row per identifier that is not cut today: the component of identifiers that belongs to one person.
{{ config(materialized="connected_components") }}

select left_node, right_node from {{ ref("identity_edges") }} where known_until = {{ the_end_of_time() }}
union all
select identifiers.node, identifiers.node
from {{ ref("identifiers") }} as identifiers
left join {{ ref("identifier_cuts") }} as cuts on identifiers.node = cuts.node and cuts.cut_until = {{ the_end_of_time() }}
where not identifiers.is_blocked and cuts.node is null
