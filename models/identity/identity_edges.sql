-- Grain: one row per (pair of identifiers, span of time) in which the pair was known to be tied. A tie through an identifier that
-- turns out to be poison ends there and then; what was counted while it held stays counted, so a metric as of any past
-- date reads the same today (docs/decisions/0007-poison-is-cut.md).

with

together as (
    select * from {{ ref("observed_together") }}
),

cuts as (
    select * from {{ ref("identifier_cuts") }}
),

apart as (
    select * from {{ ref("decided_pairs") }} where decision = 'separate'
),

final as (
    {{ ties("together", "cuts", "apart") }}
)

select * from final
