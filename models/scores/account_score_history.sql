-- Grain: one row per (run, account), append only: every score that was ever published, and those of the run under way.
{{ config(materialized="incremental", incremental_strategy="append", pre_hook="{{ forget_other_runs(keep_history=true) }}") }}

{% set phrases = [
    "headline",
    "reasons_for",
    "reasons_against",
    "very_sure",
    "fairly_sure",
    "not_sure",
    "by_rules",
    "grade_new",
    "grade_held_one",
    "grade_held_many",
    "ready_active",
    "ready_silent",
    "ready_never",
    "ready_rising",
    "ready_falling",
    "ready_near_limit",
    "ready_visit_one",
    "ready_visit_many",
    "ready_left_checkout",
    "ready_trial_one",
    "ready_trial_many",
    "ready_grade",
] -%}
{% set phrase_of = {"up": "reasons_for", "down": "reasons_against"} -%}
{% set shorter_and_shorter = [
    "said_up_3 || said_down_2 || sureness",
    "said_up_3 || said_down_2",
    "said_up_2 || said_down_1",
    "said_up_1",
    "sureness",
] -%}

with

runs as (
    select * from {{ source("publishing", "runs") }} where status = 'running'
),

predictions as (
    select * from {{ source("ml", "predictions") }} where run_id = {{ running_run() }}
),

models as (
    select * from {{ source("ml", "models") }}
),

contributions as (
    select * from {{ ref("signal_contributions_by_run") }} where run_id = {{ running_run() }}
),

expansion as (
    select * from {{ ref("expansion_score_history") }} where run_id = {{ running_run() }}
),

examples as (
    select * from {{ ref("scoring_examples") }}
),

cohort as (
    select * from {{ ref("account_cohort") }} where is_scoring
),

rules as (
    select account_id, {{ exact_sum("points") }} as points
    from {{ source("ml", "rule_points") }}
    where run_id = {{ running_run() }}
    group by account_id
),

preset as (
    select qualified_from, hot_from from {{ ref("rule_presets") }} where in_use and purpose = 'new_business'
),

parts as (
    select
        account_id,
        {{ exact_sum("case when part = 'baseline' then contribution else 0 end") }} as baseline_margin,
        {{ exact_sum("case when part = 'fit' then contribution else 0 end") }} as fit_margin,
        {{ exact_sum("case when part = 'intent' then contribution else 0 end") }} as intent_margin,
        {{ exact_sum("case when part = 'readiness' then contribution else 0 end") }} as readiness_margin
    from contributions
    group by account_id
),

sentences as (
    {{ strongest_reasons("contributions", most_for=3, most_against=2) }}
),

phrases as (
    select
        {% for phrase in phrases -%}
        max(case when phrase = '{{ phrase }}' then text end) as {{ phrase }},
        {% endfor -%}
        count(*) as phrases
    from {{ ref("phrases") }}
),

milestones as (
    select
        metrics.account_id,
        max(case when signals.is_milestone then 1 else 0 end) as has_milestone,
        max(case when signals.category = 'intent' and metrics.events_28d > 0 then 1 else 0 end) as has_intent
    from {{ ref("account_signal_metrics") }} as metrics
    inner join {{ ref("as_of_dates") }} as as_of_dates on metrics.as_of_date = as_of_dates.as_of_date and as_of_dates.is_scoring
    inner join {{ ref("signals") }} as signals on metrics.signal = signals.signal
    group by metrics.account_id
),

certainty as (
    select account_id, {{ exact_sum("confidence") }} / count(*) as identity_confidence
    from {{ ref("account_members") }}
    group by account_id
),

bands as (
    select
        coalesce(segment, 'all') as segment,
        grade,
        minimum_score,
        minimum_confidence,
        lead(minimum_score) over (partition by segment order by minimum_score) as next_minimum_score
    from {{ ref("bands") }}
),

bounded as (
    select distinct segment from bands
),

-- Whose borders grade an account: those of its first segment that has its own, else those for all.
segments as (
    select
        members.account_id,
        members.segment,
        row_number() over (partition by members.account_id order by members.position) as place
    from {{ source("ml", "account_segments") }} as members
    inner join bounded on members.segment = bounded.segment
    where members.run_id = {{ running_run() }}
),

graded_as as (
    select
        predictions.account_id,
        coalesce(segments.segment, 'all') as segment
    from predictions
    left join segments on predictions.account_id = segments.account_id and segments.place = 1
),

previous as (
    {% if holds_column("grade") -%}
    select
        account_id,
        score,
        grade,
        band_entered_at,
        {% if holds_column("band_entered_on") -%}
        band_entered_on,
        previous_grade
        {%- else -%}
        {# A release without these columns wrote the published run: its date is the first that is known of the grade. #}
        as_of_date as band_entered_on,
        cast(null as varchar) as previous_grade
        {%- endif %}
    from {{ this }}
    where run_id = {{ published_run() }}
    {%- else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as integer) as score,
        cast(null as varchar) as grade,
        cast(null as timestamp) as band_entered_at,
        cast(null as date) as band_entered_on,
        cast(null as varchar) as previous_grade
    where 1 = 0
    {%- endif %}
),

sureness as (
    select
        predictions.account_id,
        coalesce(certainty.identity_confidence, 1) * coalesce(examples.organisation__match_confidence, 1) as confidence
    from predictions
    inner join examples on predictions.account_id = examples.account_id
    left join certainty on predictions.account_id = certainty.account_id
),

-- The best grade that the score and the confidence earn.
earned as (
    select
        predictions.account_id,
        min(bands.grade) as grade
    from predictions
    inner join sureness on predictions.account_id = sureness.account_id
    inner join graded_as on predictions.account_id = graded_as.account_id
    inner join bands
        on graded_as.segment = bands.segment
        and predictions.score >= bands.minimum_score
        and sureness.confidence >= bands.minimum_confidence
    group by predictions.account_id
),

graded as (
    select
        predictions.account_id,
        graded_as.segment as grade_segment,
        earned.grade as earned_grade,
        previous.grade as grade_before,
        previous.previous_grade as grade_before_that,
        previous.band_entered_at as entered_at_before,
        previous.band_entered_on as entered_on_before,
        previous.score as previous_score,
        {{ held_grade(
            "earned.grade", "previous.grade", "previous.previous_grade", "predictions.score", "bands.minimum_score",
            "bands.next_minimum_score", "sureness.confidence", "bands.minimum_confidence",
            "(predictions.as_of_date - previous.band_entered_on)", setting("band_margin", "double"), setting("band_minimum_days", "integer")
        ) }} as grade
    from predictions
    inner join sureness on predictions.account_id = sureness.account_id
    inner join earned on predictions.account_id = earned.account_id
    inner join graded_as on predictions.account_id = graded_as.account_id
    left join previous on predictions.account_id = previous.account_id
    left join bands on graded_as.segment = bands.segment and previous.grade = bands.grade
),

scored as (
    select
        predictions.account_id,
        predictions.run_id,
        runs.started_at as scored_at,
        predictions.as_of_date,
        predictions.model_version,
        models.rung as score_basis,
        predictions.margin,
        predictions.probability,
        predictions.probability_low,
        predictions.probability_high,
        cast(round(
            100 * (1 - (predictions.probability_high - predictions.probability_low)) * sureness.confidence
        ) as integer) as confidence_pct,
        cast(predictions.score as integer) as score,
        coalesce(rules.points, 0) as rule_points,
        {{ rule_verdict("rules.points", "preset") }} as rule_verdict,
        cast(floor(100 * percent_rank() over (order by predictions.score, predictions.margin)) as integer) as percentile,
        graded.grade,
        graded.earned_grade,
        graded.grade_segment,
        parts.baseline_margin,
        parts.fit_margin,
        parts.intent_margin,
        parts.readiness_margin,
        cast(
            round(100 * percent_rank() over (partition by predictions.model_version order by parts.fit_margin)) as integer
        ) as fit_score,
        cast(
            round(100 * percent_rank() over (partition by predictions.model_version order by parts.intent_margin)) as integer
        ) as intent_score,
        cast(
            round(100 * percent_rank() over (partition by predictions.model_version order by parts.readiness_margin)) as integer
        ) as readiness_score,
        case
            when examples.team__people_28d = 0 then 'inactive'
            when examples.team__people_28d >= 3 then 'team_adopted'
            when milestones.has_intent = 1 then 'high_intent'
            when milestones.has_milestone = 1 then 'activated'
            else 'exploring'
        end as intent_tier,
        coalesce(examples.recency__days_since_last <= 7, false) and graded.grade in ('A', 'B') as is_ready,
        examples.recency__days_since_last as days_since_last,
        examples.momentum__events as momentum,
        examples.pricing_visits__events_28d + examples.billing_visits__events_28d as buying_visits,
        examples.left_checkout__is_open = 1 as has_left_checkout,
        examples.trial__days_left as trial_days_left,
        coalesce(examples.seats__utilisation >= 0.8, false) as is_near_limit,
        cohort.cohort,
        coalesce(expansion.is_ready, false) as is_expansion_ready,
        graded.previous_score,
        case when graded.grade_before = graded.grade then graded.entered_at_before else runs.started_at end as band_entered_at,
        case
            when graded.grade_before = graded.grade then coalesce(graded.entered_on_before, predictions.as_of_date)
            else predictions.as_of_date
        end as band_entered_on,
        case when graded.grade_before = graded.grade then graded.grade_before_that else graded.grade_before end as previous_grade,
        fit_tiers.fit_tier,
        fit_tiers.fit_profile,
        fit_tiers.missing_for_best,
        sentences.up_3,
        sentences.up_2,
        sentences.up_1,
        sentences.down_2,
        sentences.down_1,
        coalesce(sentences.top_signals, '[]') as top_signals
    from predictions
    cross join runs
    cross join preset
    inner join models on predictions.model_version = models.model_version
    inner join examples on predictions.account_id = examples.account_id
    inner join cohort on predictions.account_id = cohort.account_id
    inner join parts on predictions.account_id = parts.account_id
    inner join graded on predictions.account_id = graded.account_id
    inner join sureness on predictions.account_id = sureness.account_id
    inner join {{ ref("account_fit_tiers") }} as fit_tiers on predictions.account_id = fit_tiers.account_id
    left join rules on predictions.account_id = rules.account_id
    left join expansion on predictions.account_id = expansion.account_id
    left join sentences on predictions.account_id = sentences.account_id
    left join milestones on predictions.account_id = milestones.account_id
),

described as (
    select
        *,
        case when fit_score >= 75 then 'A' when fit_score >= 50 then 'B' when fit_score >= 25 then 'C' else 'D' end as learned_fit_tier,
        case
            when is_expansion_ready then 'expansion_ready'
            when cohort in ('customer', 'open_opportunity', 'excluded') then 'excluded'
            else {{ stage_by_readiness("grade", "is_ready", "intent_tier") }}
        end as stage,
        greatest(as_of_date - band_entered_on, 0) as days_in_band
    from scored
),

with_phrases as (
    select
        described.*,
        phrases.*
    from described
    cross join phrases
),

worded as (
    select
        *,
        replace(replace(headline, '{score}', cast(score as varchar)), '{grade}', grade) as opening,
        {% for side, count in [("up", 3), ("up", 2), ("up", 1), ("down", 2), ("down", 1)] -%}
        coalesce(' ' || replace({{ phrase_of[side] }}, '{reasons}', {{ side }}_{{ count }}), '') as said_{{ side }}_{{ count }},
        {% endfor -%}
        ' ' || case
            when confidence_pct is null then by_rules
            when confidence_pct >= 80 then replace(very_sure, '{confidence}', cast(confidence_pct as varchar))
            when confidence_pct >= 50 then replace(fairly_sure, '{confidence}', cast(confidence_pct as varchar))
            else replace(not_sure, '{confidence}', cast(confidence_pct as varchar))
        end as sureness,
        ' ' || case
            when days_in_band < 1 then grade_new
            when days_in_band = 1 then grade_held_one
            else replace(grade_held_many, '{days}', cast(days_in_band as varchar))
        end as standing,
        substr(
            '; ' || case
                when days_since_last is null then ready_never
                when days_since_last <= 7 then ready_active
                else replace(ready_silent, '{days}', cast(days_since_last as varchar))
            end
            || case when momentum > 0.2 then '; ' || ready_rising when momentum < -0.2 then '; ' || ready_falling else '' end
            || case when is_near_limit then '; ' || ready_near_limit else '' end
            || case
                when buying_visits = 1 then '; ' || ready_visit_one
                when buying_visits > 1 then '; ' || replace(ready_visit_many, '{visits}', cast(buying_visits as varchar))
                else ''
            end
            || case when has_left_checkout then '; ' || ready_left_checkout else '' end
            || case
                when trial_days_left = 1 then '; ' || ready_trial_one
                when trial_days_left between 2 and 7
                    then '; ' || replace(ready_trial_many, '{days}', cast(trial_days_left as varchar))
                else ''
            end
            || '; ' || replace(ready_grade, '{grade}', grade),
            3
        ) as readiness_reasons
    from with_phrases
),

final as (
    select
        account_id,
        run_id,
        scored_at,
        as_of_date,
        model_version,
        score_basis,
        margin,
        probability,
        probability_low,
        probability_high,
        confidence_pct,
        score,
        percentile,
        grade,
        earned_grade,
        grade_segment,
        rule_points,
        rule_verdict,
        baseline_margin,
        fit_margin,
        intent_margin,
        readiness_margin,
        fit_score,
        intent_score,
        readiness_score,
        fit_tier,
        fit_profile,
        missing_for_best,
        learned_fit_tier,
        intent_tier,
        is_ready,
        cohort,
        stage,
        band_entered_at,
        band_entered_on,
        days_in_band,
        previous_grade,
        previous_score,
        coalesce(up_3, '') as reasons_for,
        coalesce(down_2, '') as reasons_against,
        readiness_reasons,
        opening || said_up_3 || said_down_2 || sureness || standing as summary,
        -- Whole reasons only: as many as there is room for.
        case
            {% for shorter in shorter_and_shorter -%}
            when length(opening || {{ shorter }}) <= 255 then opening || {{ shorter }}
            {% endfor -%}
            else substr(opening, 1, 255)
        end as summary_short,
        top_signals
    from worded
)

select * from final
