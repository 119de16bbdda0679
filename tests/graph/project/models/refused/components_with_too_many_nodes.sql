{{ config(materialized='connected_components') }}

select
    'node ' || number as left_node,
    'node ' || number as right_node
from range(239) as numbers (number)
