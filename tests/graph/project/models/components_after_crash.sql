-- what a crashed run in the same session would leave behind is planted by the hooks
{{ config(
    materialized='connected_components',
    pre_hook=[
        "create temporary table {{ working_table('text') }} as select 1 as stale",
        "create temporary table {{ working_table('nodes') }} as select 1 as stale",
        "create temporary table {{ working_table('edges_1') }} as select 1 as stale",
        "create temporary table {{ working_table('contraction_0') }} as select 1 as stale",
        "create temporary table {{ working_table('labels') }} as select 1 as stale",
    ],
) }}

select
    left_node,
    right_node
from main.edges
where left_node like '01%'
