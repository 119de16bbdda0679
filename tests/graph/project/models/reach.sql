{{ config(materialized='earliest_reach') }}

select
    kind,
    left_node,
    right_node,
    available_at
from main.reach_rows
