-- Grain: one row per pair of organisation identifiers that somebody decided about in identity_overrides. Not here: decisions
-- about people.

with

overrides as (
    select
        coalesce(nullif(trim(decision), ''), 'join') as decision,
        identifier_type || ':' || {{ organisation_identifier("identifier_type", "identifier") }} as node,
        other_type || ':' || {{ organisation_identifier("other_type", "other_identifier") }} as other_node
    from {{ ref("identity_overrides") }}
    where
        identifier_type in ('workspace', 'domain', 'crm_account')
        and other_type in ('workspace', 'domain', 'crm_account')
),

-- Of two that are kept apart, one is set apart: a company of its own, which only a decision ties to others. It is the one named
-- first, unless that is a CRM account: these are companies of their own anyway.
final as (
    select
        node,
        other_node,
        decision,
        case
            when decision = 'join' then null
            when node not like 'crm_account:%' then node
            when other_node not like 'crm_account:%' then other_node
        end as set_apart_node
    from overrides
)

select * from final
