-- The spans of a deal do not overlap, and none begins before the deal was known or reaches beyond its deletion.
{{ config(meta={"dagster": {"ref": {"name": "account_opportunity_states"}}}) }}

with

spans as (
    select
        states.*,
        opportunities.created_available_at,
        opportunities.deleted_available_at,
        lead(states.known_from)
            over (partition by states.opportunity_id, states.account_id order by states.known_from) as next_known_from
    from {{ ref("account_opportunity_states") }} as states
    inner join {{ ref("account_opportunities") }} as opportunities
        on states.opportunity_id = opportunities.opportunity_id and states.account_id = opportunities.account_id
),

final as (
    select *
    from spans
    where
        known_from >= known_until
        or next_known_from < known_until
        or known_from < created_available_at
        or known_until > deleted_available_at
)

select * from final
