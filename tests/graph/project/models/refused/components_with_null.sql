{{ config(materialized='connected_components') }}

select 'a' as left_node, 'b' as right_node
union all
select 'c' as left_node, cast(null as text) as right_node
