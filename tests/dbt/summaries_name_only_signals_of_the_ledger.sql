-- Every reason is the label of a signal in the account's ledger, on the side that it is named on; and a summary holds its reasons,
-- the account's own figures and the texts of seeds/phrases.csv, and nothing else.
{{ config(meta={"dagster": {"ref": {"name": "account_score_history"}}}) }}

with

scores as (
    select * from {{ ref("account_score_history") }} where run_id = {{ running_run() }}
),

reasons as (
    select account_id, 'up' as direction, unnest(string_split(reasons_for, '; ')) as reason from scores where reasons_for <> ''

    union all

    select account_id, 'down', unnest(string_split(reasons_against, '; ')) from scores where reasons_against <> ''
),

ledger as (
    select account_id, direction, label
    from {{ ref("signal_contributions_by_run") }}
    where run_id = {{ running_run() }}
),

unnamed as (
    select reasons.account_id, reasons.direction, reasons.reason
    from reasons
    left join ledger
        on reasons.account_id = ledger.account_id
        and reasons.direction = ledger.direction
        and reasons.reason = ledger.label
    where ledger.label is null
),

-- The only sentences that the account may be given, filled in from its own columns.
sentences as (
    select
        scores.account_id,
        phrases.phrase,
        replace(
            replace(
                replace(
                    replace(
                        replace(
                            phrases.text,
                            '{reasons}',
                            case phrases.phrase when 'reasons_for' then scores.reasons_for else scores.reasons_against end
                        ),
                        '{score}', cast(scores.score as varchar)
                    ),
                    '{grade}', scores.grade
                ),
                '{confidence}', coalesce(cast(scores.confidence_pct as varchar), '-')
            ),
            '{days}', cast(scores.days_in_band as varchar)
        ) as sentence
    from scores
    inner join {{ ref("phrases") }} as phrases on
        phrases.phrase = 'headline'
        or (phrases.phrase = 'reasons_for' and scores.reasons_for <> '')
        or (phrases.phrase = 'reasons_against' and scores.reasons_against <> '')
        or (phrases.phrase = 'by_rules' and scores.confidence_pct is null)
        or (phrases.phrase = 'very_sure' and scores.confidence_pct >= 80)
        or (phrases.phrase = 'fairly_sure' and scores.confidence_pct between 50 and 79)
        or (phrases.phrase = 'not_sure' and scores.confidence_pct < 50)
        or (phrases.phrase = 'grade_new' and scores.days_in_band < 1)
        or (phrases.phrase = 'grade_held_one' and scores.days_in_band = 1)
        or (phrases.phrase = 'grade_held_many' and scores.days_in_band > 1)
),

told as (
    select
        account_id,
        string_agg(
            sentence, ' ' order by
                case phrase when 'headline' then 1 when 'reasons_for' then 2 when 'reasons_against' then 3 else 4 end,
                case when phrase like 'grade%' then 2 else 1 end
        ) as summary
    from sentences
    group by account_id
),

misshapen as (
    select scores.account_id, 'none', scores.summary
    from scores
    left join told on scores.account_id = told.account_id
    where scores.summary is null or scores.summary <> coalesce(told.summary, '')
),

final as (
    select * from unnamed
    union all
    select * from misshapen
)

select * from final
