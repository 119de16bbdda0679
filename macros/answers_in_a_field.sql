{#-
    The answers that a field of the CRM held one after the other: it said something else from then on. A field that is emptied and
    filled again is a second answer, a reason that is written later belongs to the answer that stands.

    states: a relation (record_id, given, reason, who, changed_at, is_dated), what the field and its reason held since `changed_at`,
    one row per change of either or of anything else of the record. An emptied field is null or ''.

    Rows: (record_id, given, reason, who, said_at, ended_at, is_dated); `ended_at` is the end of time while the field still says so.
-#}
{% macro answers_in_a_field(states) -%}
    with stated as (
        select
            record_id,
            coalesce(trim(given), '') as given,
            nullif(trim(reason), '') as reason,
            who,
            changed_at,
            is_dated
        from {{ states }}
    ),

    compared as (
        select
            *,
            lag(given, 1, '') over (partition by record_id order by changed_at, given) as given_before
        from stated
    ),

    numbered as (
        select
            *,
            sum(case when given <> given_before then 1 else 0 end) over (
                partition by record_id order by changed_at, given rows unbounded preceding
            ) as answer_number
        from compared
    ),

    within_answers as (
        select
            *,
            row_number() over (partition by record_id, answer_number order by changed_at, given) as state_number,
            last_value(reason ignore nulls) over (
                partition by record_id, answer_number order by changed_at, given
                rows between unbounded preceding and unbounded following
            ) as last_reason
        from numbered
    ),

    answers as (
        select
            *,
            lead(changed_at) over (partition by record_id order by answer_number) as next_at
        from within_answers
        where state_number = 1
    )

    select
        record_id,
        given,
        last_reason as reason,
        who,
        changed_at as said_at,
        coalesce(next_at, {{ the_end_of_time() }}) as ended_at,
        is_dated
    from answers
    where given <> ''
{%- endmacro %}
