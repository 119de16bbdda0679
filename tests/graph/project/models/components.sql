{{ config(
    materialized='connected_components',
    indexes=[{'columns': ['node']}],
    pre_hook=[
        {"sql": "insert into hooks values ('before, outside')", "transaction": false},
        {"sql": "insert into hooks values ('before, inside')", "transaction": true},
    ],
    post_hook=[
        {"sql": "insert into hooks select 'after, inside: ' || count(*) from {{ this }}", "transaction": true},
        {"sql": "insert into hooks select 'after, outside: ' || count(*) from {{ this }}", "transaction": false},
    ],
) }}

select
    left_node,
    right_node
from main.edges
