-- Every reason that a summary names is the label of a signal in the account's ledger, on the side that the summary says.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

with

summaries as (
    select
        account_id,
        summary,
        split_part(split_part(summary, ' For: ', 2), ' Against: ', 1) as up_reasons,
        split_part(summary, ' Against: ', 2) as down_reasons
    from {{ ref("account_score_history") }}
    where run_id = {{ running_run() }}
),

-- A side ends with a full stop that belongs to the sentence.
phrases as (
    select account_id, 'up' as direction, unnest(string_split(substr(up_reasons, 1, length(up_reasons) - 1), '; ')) as phrase
    from summaries
    where up_reasons <> ''

    union all

    select account_id, 'down', unnest(string_split(substr(down_reasons, 1, length(down_reasons) - 1), '; '))
    from summaries
    where down_reasons <> ''
),

ledger as (
    select account_id, direction, label
    from {{ ref("signal_contributions_by_run") }}
    where run_id = {{ running_run() }}
),

unnamed as (
    select phrases.account_id, phrases.direction, phrases.phrase
    from phrases
    left join ledger
        on phrases.account_id = ledger.account_id
        and phrases.direction = ledger.direction
        and phrases.phrase = ledger.label
    where ledger.label is null
),

-- A summary of another shape would pass by having no phrases at all.
misshapen as (
    select account_id, 'none', summary
    from summaries
    where summary is null or summary not like 'Score %, grade _.%'
),

final as (
    select * from unnamed
    union all
    select * from misshapen
)

select * from final
