-- Grain: one row per (run, account, role) with which an account got its owner of that role, append only. An account keeps its owner until
-- owners.csv no longer lists that person with that role. Not here: accounts that their owner in the CRM works.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs(keep_history=true) }}") }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

owners as (
    select
        *,
        -- How closely a territory is drawn: the closest that fits is taken (orchestration/routing_matrix.py).
        case when countries = '*' then 0 else 2 end
        + case when minimum_employees is null and maximum_employees is null then 0 else 1 end as nearness
    from {{ ref("owners") }}
),

previous as (
    {% if holds_column("assigned_at") -%}
    select account_id, owner_role, owner, assigned_at from {{ this }}
    {%- else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as owner_role,
        cast(null as varchar) as owner,
        cast(null as timestamp) as assigned_at
    where 1 = 0
    {%- endif %}
),

kept as (
    select distinct
        previous.account_id,
        previous.owner_role
    from previous
    inner join owners on previous.owner = owners.owner and previous.owner_role = owners.role
),

wanting as (
    select workable.*
    from {{ ref("workable_accounts_by_run") }} as workable
    left join kept on workable.account_id = kept.account_id and workable.owner_role = kept.owner_role
    where not workable.is_kept_by_crm_owner and workable.override_owner is null and kept.account_id is null
),

territories as (
    select distinct role, countries, minimum_employees, maximum_employees, nearness from owners
),

ranked_territories as (
    select
        wanting.account_id,
        wanting.owner_role,
        wanting.score,
        territories.countries,
        territories.minimum_employees,
        territories.maximum_employees,
        row_number() over (
            partition by wanting.account_id
            order by territories.nearness desc, territories.countries, territories.minimum_employees, territories.maximum_employees
        ) as territory_rank
    from wanting
    inner join territories
        on wanting.owner_role = territories.role
        and {{ among("coalesce(wanting.country, '')", "territories.countries") }}
        and (territories.minimum_employees is null or coalesce(wanting.employees >= territories.minimum_employees, false))
        and (territories.maximum_employees is null or coalesce(wanting.employees <= territories.maximum_employees, false))
),

-- The best account goes first; of equals the hash of the id decides, so that no one's alphabet does.
queues as (
    select
        *,
        row_number() over (
            partition by owner_role, countries, minimum_employees, maximum_employees
            order by score desc, md5(account_id)
        ) as place
    from ranked_territories
    where territory_rank = 1
),

used as (
    select
        previous.owner,
        previous.owner_role,
        count(*) as slots
    from previous
    cross join runs
    where previous.assigned_at >= date_trunc('week', runs.started_at)
    group by previous.owner, previous.owner_role
),

slots as (
    select
        owners.owner,
        owners.role,
        owners.countries,
        owners.minimum_employees,
        owners.maximum_employees,
        owners.weekly_slots,
        unnest(generate_series(coalesce(used.slots, 0) + 1, owners.weekly_slots)) as slot
    from owners
    left join used on owners.owner = used.owner and owners.role = used.owner_role
),

-- Round robin: whoever has the smallest share of the week taken is next.
turns as (
    select
        *,
        row_number() over (
            partition by role, countries, minimum_employees, maximum_employees
            order by cast(slot as double) / weekly_slots, owner
        ) as place
    from slots
),

final as (
    select
        runs.run_id,
        queues.account_id,
        queues.owner_role,
        turns.owner,
        runs.started_at as assigned_at
    from queues
    cross join runs
    inner join turns
        on queues.owner_role = turns.role
        and queues.countries = turns.countries
        and coalesce(queues.minimum_employees, -1) = coalesce(turns.minimum_employees, -1)
        and coalesce(queues.maximum_employees, -1) = coalesce(turns.maximum_employees, -1)
        and queues.place = turns.place
)

select * from final
