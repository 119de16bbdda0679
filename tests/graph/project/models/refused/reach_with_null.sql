{{ config(materialized='earliest_reach') }}

select 'edge' as kind, 'a' as left_node, 'b' as right_node, timestamp '2024-01-01' as available_at
union all
select 'source' as kind, 'a' as left_node, 'x' as right_node, cast(null as timestamp) as available_at
