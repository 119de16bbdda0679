-- Grain: one row per account: the days of its first steps, from sign-up through first use to the first won deal.

with

sign_ups as (
    select
        members.account_id,
        min(observations.occurred_at) as signed_up_at
    from {{ ref("identity_observations") }} as observations
    inner join {{ ref("person_identifiers") }} as person_identifiers
        on 'user_id:' || observations.user_id = person_identifiers.node
    inner join {{ ref("account_members") }} as members on person_identifiers.person_id = members.person_id
    group by members.account_id
),

first_uses as (
    select account_id, min(occurred_on) as first_active_on
    from {{ ref("account_days") }}
    group by account_id
),

first_wins as (
    select account_id, min(closed_at) as first_won_at
    from {{ ref("account_opportunities") }}
    where is_won and deleted_available_at is null and opportunity_type = 'new_business'
    group by account_id
),

final as (
    select
        accounts.account_id,
        accounts.kind,
        cast(sign_ups.signed_up_at as date) as signed_up_on,
        first_uses.first_active_on,
        cast(first_wins.first_won_at as date) as first_won_on
    from {{ ref("accounts") }} as accounts
    left join sign_ups on accounts.account_id = sign_ups.account_id
    left join first_uses on accounts.account_id = first_uses.account_id
    left join first_wins on accounts.account_id = first_wins.account_id
)

select * from final
