-- Grain: one row per (run, change, kind, subject), append only: what became of people and companies since the run that was
-- published before. A first run, which has nothing to compare with, is one row per kind.
--
-- A person or company of before and one of now are compared by the identifiers that both hold. The heir of an old one is the new
-- one that got most of its identifiers, and the source of a new one is the old one that gave it most of its own; of equals the
-- one that kept its id, then the lowest id. They are one and the same where each is the other's choice. Where only the
-- heir agrees the old one was merged; where only the source agrees the new one was split off; where neither does, single
-- identifiers moved. `pql identity diff` counts in the same way.
{{ config(
    materialized="incremental",
    incremental_strategy="append",
    pre_hook=["{{ forget_other_runs(keep_history=true) }}", "{{ forget_identifiers('subject') }}"]
) }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

assignments as (
    select
        *,
        case when person_id is null then 'account' else 'person' end as kind,
        coalesce(person_id, account_id) as id
    from {{ ref("identity_assignments_by_run") }}
),

before as (
    select * from assignments where run_id = {{ published_run() }}
),

now as (
    select * from assignments where run_id = {{ running_run() }}
),

shared as (
    select
        before.kind,
        before.node,
        before.id as from_id,
        now.id as to_id
    from before
    inner join now on before.kind = now.kind and before.node = now.node
),

agreements as (
    select
        kind,
        from_id,
        to_id,
        count(*) as identifiers
    from shared
    group by kind, from_id, to_id
),

ranked as (
    select
        *,
        row_number() over (
            partition by kind, from_id
            order by identifiers desc, case when from_id = to_id then 0 else 1 end, to_id
        ) as heir_rank,
        row_number() over (
            partition by kind, to_id
            order by identifiers desc, case when from_id = to_id then 0 else 1 end, from_id
        ) as source_rank
    from agreements
),

ids_before as (
    select kind, id, min(account_id) as account_id, count(*) as identifiers
    from before
    group by kind, id
),

ids_now as (
    select kind, id, min(account_id) as account_id, count(*) as identifiers
    from now
    group by kind, id
),

-- The account of a person before and now, where the person is the same.
memberships as (
    select
        ranked.to_id as person_id,
        ids_before.account_id as from_id,
        ids_now.account_id as to_id,
        ids_now.identifiers
    from ranked
    inner join ids_before on ranked.kind = ids_before.kind and ranked.from_id = ids_before.id
    inner join ids_now on ranked.kind = ids_now.kind and ranked.to_id = ids_now.id
    where
        ranked.kind = 'person' and ranked.heir_rank = 1 and ranked.source_rank = 1
        and ids_before.account_id is not null and ids_now.account_id is not null
        -- An individual account follows its person, whatever its id.
        and not (ids_before.account_id like 'ind\_%' escape '\' and ids_now.account_id like 'ind\_%' escape '\')
),

changes as (
    select
        'new' as change,
        kind,
        'all' as subject,
        cast(null as varchar) as from_id,
        cast(null as varchar) as to_id,
        count(*) as subjects,
        cast(sum(identifiers) as bigint) as identifiers
    from ids_now
    where not exists (select 1 from before)
    group by kind

    union all

    select 'new', ids_now.kind, ids_now.id, null, ids_now.id, 1, ids_now.identifiers
    from ids_now
    left join ranked on ids_now.kind = ranked.kind and ids_now.id = ranked.to_id and ranked.source_rank = 1
    where ranked.to_id is null and exists (select 1 from before)

    union all

    select 'merged', kind, from_id, from_id, to_id, 1, identifiers
    from ranked
    where heir_rank = 1 and source_rank > 1

    union all

    select 'split', kind, to_id, from_id, to_id, 1, identifiers
    from ranked
    where heir_rank > 1 and source_rank = 1

    union all

    select 'moved', shared.kind, shared.node, shared.from_id, shared.to_id, 1, 1
    from shared
    inner join ranked on shared.kind = ranked.kind and shared.from_id = ranked.from_id and shared.to_id = ranked.to_id
    where ranked.heir_rank > 1 and ranked.source_rank > 1

    union all

    -- Nobody's any more: blocked, cut, or gone from the records.
    select 'moved', before.kind, before.node, before.id, null, 1, 1
    from before
    inner join ranked on before.kind = ranked.kind and before.id = ranked.from_id and ranked.heir_rank = 1
    left join now on before.kind = now.kind and before.node = now.node
    where now.node is null

    union all

    select 'moved', ids_before.kind, ids_before.id, ids_before.id, null, 1, ids_before.identifiers
    from ids_before
    left join ranked on ids_before.kind = ranked.kind and ids_before.id = ranked.from_id and ranked.heir_rank = 1
    where ranked.from_id is null and exists (select 1 from now)

    union all

    -- People who changed company. Those of a company that was merged or split as a whole did not.
    select 'moved', 'account', memberships.person_id, memberships.from_id, memberships.to_id, 1, memberships.identifiers
    from memberships
    left join ranked
        on ranked.kind = 'account' and memberships.from_id = ranked.from_id and memberships.to_id = ranked.to_id
        and (ranked.heir_rank = 1 or ranked.source_rank = 1)
    where ranked.from_id is null
),

final as (
    select
        runs.run_id,
        changes.change,
        changes.kind,
        changes.subject,
        changes.from_id,
        changes.to_id,
        changes.subjects,
        changes.identifiers,
        runs.started_at as detected_at
    from changes
    cross join runs
)

select * from final
