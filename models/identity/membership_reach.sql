-- Grain: one row per (identifier, 'rule|organisation identifier', span of time): when the evidence could be known to speak of that
-- identifier, through whatever ties it to the person.
{{ config(materialized="earliest_reach") }}

with

evidence as (
    select node, rule || '|' || organisation_node as target, available_at from {{ ref("membership_evidence") }}
),

cuts as (
    select * from {{ ref("identifier_cuts") }}
),

sources as (
    {{ outside_cuts("evidence", "cuts") }}
)

select 'edge' as kind, left_node, right_node, available_at, known_until from {{ ref("identity_edges") }}
union all
select 'source', node, target, available_at, known_until from sources
