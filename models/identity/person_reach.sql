-- Grain: one row per (identifier, person that it could be known to belong to), with since when. A person is named by its oldest
-- identifier; as links become known, an identifier's oldest companion changes, and each of them has its row here.
{{ config(materialized="earliest_reach") }}

select
    'edge' as kind,
    left_node,
    right_node,
    available_at
from {{ ref("identity_edges") }}

union all

select
    'source',
    node,
    person_id,
    first_seen_at
from {{ ref("person_anchors") }}
