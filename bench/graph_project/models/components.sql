{{ config(materialized='connected_components') }}

select
    left_node,
    right_node
from main.edges
