-- Grain: one row per (identifier, oldest identifier that it could be known to be tied to, span of time). A person is named by its
-- oldest identifier; as ties become known or end, an identifier's oldest companion changes, and each of them has its row here.
{{ config(materialized="earliest_reach") }}

with

anchors as (
    select node, node as target, first_seen_at as available_at from {{ ref("person_anchors") }}
),

cuts as (
    select * from {{ ref("identifier_cuts") }}
),

sources as (
    {{ outside_cuts("anchors", "cuts") }}
)

select 'edge' as kind, left_node, right_node, available_at, known_until from {{ ref("identity_edges") }}
union all
select 'source', node, target, available_at, known_until from sources
