-- Grain: one row per (run, experiment, account) with which an account was drawn, append only: the log of who was to be routed and who was
-- not. `holdout` keeps a share of the accounts that somebody would work from being worked; `exploration` lets a share of the low bands be
-- worked. An account is drawn once per salt; a new salt is a new experiment.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs(keep_history=true) }}") }}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

scoring as (
    select as_of_date from {{ ref("as_of_dates") }} where is_scoring
),

routed as (
    select * from {{ ref("routed_accounts_by_run") }}
),

rules as (
    select * from {{ ref("routing_rules") }}
),

excluded as (
    select distinct account_id from {{ ref("play_exclusions") }}
),

previous as (
    {% if holds_column("assigned_at") -%}
    select experiment, salt, account_id, is_drawn from {{ this }}
    {%- else -%}
    select
        cast(null as varchar) as experiment,
        cast(null as varchar) as salt,
        cast(null as varchar) as account_id,
        cast(null as boolean) as is_drawn
    where 1 = 0
    {%- endif %}
),

-- Customers, and accounts of which somebody decided by hand, are not experimented with; exploring those who do nothing would teach nothing.
candidates as (
    select
        routed.account_id,
        routed.grade,
        case when rules.owner_role <> 'automation' then 'holdout' else 'exploration' end as experiment,
        {{ setting("experiment_salt") }} as salt
    from routed
    inner join rules on routed.position = rules.position
    inner join rules as rules_if_qualified on routed.position_if_qualified = rules_if_qualified.position
    left join excluded on routed.account_id = excluded.account_id
    where
        excluded.account_id is null
        and routed.override_play is null
        and routed.ownership <> 'customer'
        and (
            rules.owner_role <> 'automation'
            or (
                rules_if_qualified.owner_role <> 'automation'
                and routed.intent <> 'inactive'
                and routed.readiness in ('exploring', 'activated')
            )
        )
),

-- Whoever was drawn to be explored is worked already, and so is nobody to be held out.
entrants as (
    select candidates.*
    from candidates
    left join previous
        on candidates.account_id = previous.account_id
        and candidates.salt = previous.salt
        and (candidates.experiment = previous.experiment or (previous.experiment = 'exploration' and previous.is_drawn))
    where previous.account_id is null
),

shares as (
    select
        entrants.*,
        scoring.as_of_date,
        case
            when entrants.experiment = 'holdout' then {{ setting("holdout_share", "double") }}
            else {{ setting("exploration_share", "double") }}
        end as share,
        {{ drawn_share("entrants.salt || '|' || entrants.experiment || '|' || entrants.grade || '|' || scoring.as_of_date") }} as start,
        row_number() over (
            partition by entrants.experiment, entrants.grade
            order by md5(entrants.salt || '|' || entrants.experiment || '|' || entrants.account_id)
        ) as place
    from entrants
    cross join scoring
),

final as (
    select
        runs.run_id,
        shares.experiment,
        shares.salt,
        shares.account_id,
        shares.grade as stratum,
        shares.share,
        -- Systematic: of the accounts of a band, in an order that nobody can foresee, each drawn one is 1 / share places after the last. So
        -- every account is drawn with exactly this chance, and the share of each band is right to within one account.
        floor(shares.share * shares.place + shares.start) > floor(shares.share * (shares.place - 1) + shares.start) as is_drawn,
        shares.as_of_date as entered_on,
        runs.started_at as assigned_at
    from shares
    cross join runs
)

select * from final
