-- Grain: one row per (run, identifier): whose it is. The published run's rows stay beside those of the run under way, so that
-- `identity_changes` can say what is different.
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=["{{ forget_other_runs() }}", "{{ forget_identifiers('node') }}"]
) }}

with

runs as (
    select run_id from {{ source("publishing", "runs") }} where status = 'running'
),

-- The company that an identifier leads to today; only without one the individual account.
claims as (
    select
        person_identifiers.person_id,
        identifier_accounts.account_id,
        1 as preference,
        identifier_accounts.available_at,
        identifier_accounts.confidence
    from {{ ref("identifier_accounts") }} as identifier_accounts
    inner join {{ ref("person_identifiers") }} as person_identifiers on identifier_accounts.node = person_identifiers.node
    where identifier_accounts.known_until = {{ the_end_of_time() }}

    union all

    select
        members.person_id,
        members.account_id,
        2,
        members.available_at,
        members.confidence
    from {{ ref("account_members") }} as members
    inner join {{ ref("accounts") }} as accounts on members.account_id = accounts.account_id
    where accounts.kind = 'individual'
),

memberships as (
    select
        person_id,
        account_id,
        row_number() over (
            partition by person_id
            order by preference, available_at desc, confidence desc, account_id
        ) as choice
    from claims
),

assigned as (
    select
        person_identifiers.node,
        person_identifiers.person_id,
        memberships.account_id
    from {{ ref("person_identifiers") }} as person_identifiers
    left join memberships on person_identifiers.person_id = memberships.person_id and memberships.choice = 1

    union all

    select node, cast(null as varchar), target
    from {{ ref("organisation_reach") }}
),

final as (
    select
        runs.run_id,
        assigned.node,
        assigned.person_id,
        assigned.account_id
    from assigned
    cross join runs
)

select * from final
