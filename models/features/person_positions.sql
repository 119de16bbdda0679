-- Grain: one row per (person, kind, value, moment): the department, function or seniority that a record gave a person, and
-- since when it could be known of them. Words are sorted by seeds/title_patterns.csv; a department that fits no pattern keeps
-- its own name. Matches that the provider is not sure of are not here, as in `person_traits`.

with

patterns as (
    select * from {{ ref("title_patterns") }}
),

records as (
    select 'email:' || email as node, title, department, seniority, available_at
    from {{ ref("stg_enrichment__people") }}
    where match_confidence >= 0.9

    union all

    select 'email:' || email, title, department, null, available_at
    from {{ crm_records("contacts") }} as contacts

    union all

    select coalesce('user_id:' || user_id, 'email:' || email), title, null, null, available_at
    from {{ ref("stg_backend__people") }}

    union all

    select coalesce('user_id:' || user_id, 'email:' || email), title, department, null, available_at
    from {{ ref("declared_people") }}
),

-- A record's own word for a department or a seniority says more than the title.
worded as (
    select node, 'department' as kind, coalesce(lower(trim(department)), lower(trim(title))) as words, available_at from records
    union all
    select node, 'function', coalesce(lower(trim(department)), lower(trim(title))), available_at from records
    union all
    select node, 'seniority', coalesce(lower(trim(seniority)), lower(trim(title))), available_at from records
),

texts as (
    select distinct kind, words from worded where words <> ''
),

matching as (
    select
        texts.kind,
        texts.words,
        patterns.value,
        row_number() over (partition by texts.kind, texts.words order by patterns.position) as position_rank
    from texts
    inner join patterns on texts.kind = patterns.kind and {{ matches("texts.words", "patterns.pattern") }}
),

meanings as (
    select kind, words, value from matching where position_rank = 1

    union all

    select distinct 'department', lower(trim(records.department)), lower(trim(records.department))
    from records
    left join matching on matching.kind = 'department' and lower(trim(records.department)) = matching.words
    where matching.words is null and trim(records.department) <> ''
),

-- What was said of an identifier goes on to the person it turns out to be, from then on; the person of before keeps it.
final as (
    select distinct
        spans.person_id,
        worded.kind,
        meanings.value,
        greatest(worded.available_at, spans.available_at) as available_at
    from worded
    inner join meanings on worded.kind = meanings.kind and worded.words = meanings.words
    inner join {{ ref("person_spans") }} as spans on worded.node = spans.node and worded.available_at < spans.known_until
)

select * from final
