-- Grain: one row per company: its oldest identifier, which gives the account its id.

with

members as (
    select
        components.component,
        identifiers.node,
        identifiers.first_seen_at,
        row_number() over (partition by components.component order by identifiers.first_seen_at, identifiers.node) as age_rank
    from {{ ref("organisation_components") }} as components
    inner join {{ ref("organisation_identifiers") }} as identifiers on components.node = identifiers.node
),

final as (
    select
        component,
        node,
        {{ stable_id("acc", "node") }} as account_id,
        first_seen_at
    from members
    where age_rank = 1
)

select * from final
