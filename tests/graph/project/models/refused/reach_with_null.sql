{{ config(materialized='earliest_reach') }}

select
    'edge' as kind, 'a' as left_node, 'b' as right_node,
    timestamp '2024-01-01' as available_at, timestamp '9999-12-31' as known_until
union all
select 'source', 'a', 'x', timestamp '2024-01-01', cast(null as timestamp)
