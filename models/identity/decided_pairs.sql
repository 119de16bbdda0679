-- Grain: one row per pair of people's identifiers that somebody decided about (identity_overrides): to join them, or to keep them
-- apart. Decisions about organisations are in membership_evidence and organisation_claims.

with

overrides as (
    select * from {{ ref("identity_overrides") }}
),

rules as (
    select * from {{ ref("identity_rules") }}
),

final as (
    select distinct
        coalesce(nullif(trim(overrides.decision), ''), 'join') as decision,
        overrides.identifier_type || ':' || {{ normalised_identifier("overrides.identifier", "rules.normalisation") }} as node,
        overrides.other_type || ':' || {{ normalised_identifier("overrides.other_identifier", "other_rules.normalisation") }} as other_node
    from overrides
    inner join rules on overrides.identifier_type = rules.identifier_type
    inner join rules as other_rules on overrides.other_type = other_rules.identifier_type
)

select * from final
