-- Grain: one row per answer of a rep on an account, append only, with what the account had been given when it was said. The run that
-- finds a new answer adds it; one on an account that nobody knows waits. No label is made of them: the model never sees one.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs(keep_history=true) }}") }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

declared as (
    select * from {{ ref("declared_dispositions") }} where disposition is not null
),

recorded as (
    {% if holds_column("disposition_id") -%}
    select disposition_id, source, account_given, disposition, said_at from {{ this }}
    {%- else -%}
    select disposition_id, source, account_given, disposition, said_at from declared where 1 = 0
    {%- endif %}
),

newest_recorded as (
    select
        *,
        row_number() over (partition by source, account_given order by said_at desc, disposition_id) as age_rank
    from recorded
),

-- A field without a history says the same thing at each run, and its time moves with every change of the record: it is a new answer
-- only where the newest recorded one was another.
fresh as (
    select declared.*
    from declared
    left join newest_recorded
        on declared.source = newest_recorded.source
        and declared.account_given = newest_recorded.account_given
        and newest_recorded.age_rank = 1
    where
        (declared.is_dated or newest_recorded.disposition is null or newest_recorded.disposition <> declared.disposition)
        and not exists (
            select 1
            from recorded
            where
                recorded.disposition_id = declared.disposition_id
                or (
                    -- recorded while the field had no history yet
                    recorded.source = declared.source
                    and recorded.account_given = declared.account_given
                    and recorded.disposition = declared.disposition
                    and recorded.said_at >= declared.said_at
                    and recorded.said_at < declared.ended_at
                )
        )
),

accounts as (
    select * from {{ ref("accounts") }}
),

crm_accounts as (
    select
        reach.target as account_id,
        organisations.identifier as crm_account_id
    from {{ ref("organisation_reach") }} as reach
    inner join {{ ref("organisation_identifiers") }} as organisations on reach.node = organisations.node
    where organisations.identifier_type = 'crm_account'
),

names as (
    select lower(account_id) as name, account_id, 1 as name_rank from accounts
    union all
    select lower(crm_account_id), account_id, 2 from crm_accounts
    union all
    select lower(domain), account_id, 3 from accounts where domain is not null
    union all
    select lower(name), account_id, 4 from accounts where name is not null
),

-- Whom several accounts could be is nobody.
counted as (
    select
        name,
        min(account_id) as account_id,
        count(distinct account_id) as accounts,
        row_number() over (partition by name order by name_rank) as place
    from names
    group by name, name_rank
),

named as (
    select name, account_id from counted where place = 1 and accounts = 1
),

scores as (
    select
        history.account_id,
        history.scored_at,
        history.grade
    from {{ ref("account_score_history") }} as history
    inner join {{ source("publishing", "runs") }} as scoring on history.run_id = scoring.run_id and scoring.status = 'published'
),

graded as (
    select
        fresh.disposition_id,
        scores.grade,
        row_number() over (partition by fresh.disposition_id order by scores.scored_at desc) as age_rank
    from fresh
    inner join named on lower(trim(fresh.account_given)) = named.name
    inner join scores on named.account_id = scores.account_id and scores.scored_at <= fresh.said_at
),

plays as (
    select * from {{ ref("plays_by_run") }} where run_id = {{ published_run() }}
),

final as (
    select
        runs.run_id,
        fresh.disposition_id,
        named.account_id,
        fresh.source,
        fresh.account_given,
        fresh.disposition,
        fresh.reason,
        fresh.who,
        fresh.said_at,
        fresh.available_at,
        runs.started_at as recorded_at,
        coalesce(fresh.grade, graded.grade) as grade,
        coalesce(fresh.play, plays.play) as play,
        coalesce(fresh.owner, plays.owner) as owner
    from fresh
    cross join runs
    inner join named on lower(trim(fresh.account_given)) = named.name
    left join graded on fresh.disposition_id = graded.disposition_id and graded.age_rank = 1
    -- An answer is on the play that the account had when it was given; on one of before, nobody knows any more which.
    left join plays on named.account_id = plays.account_id and plays.play_since <= fresh.said_at
)

select * from final
