{{ config(materialized='connected_components') }}

select
    'node ' || number as left_node,
    'node ' || number as right_node
from generate_series(1, 239) as numbers (number)
