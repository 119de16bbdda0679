{{ config(materialized='earliest_reach') }}

select
    kind,
    left_node,
    right_node,
    available_at,
    known_until
from main.reach_rows
