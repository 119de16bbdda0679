-- Grain: one row per enrichment of an e-mail address; a later one supersedes an earlier one.

{%- set columns = [
    ["email", "varchar"], ["title", "varchar"], ["seniority", "varchar"], ["department", "varchar"], ["company_domain", "varchar"],
    ["match_confidence", "double"],
] %}

with

synced as (
    {{ source_columns("enrichment", "people", columns + [["available_at", "timestamp", "enriched_at"]]) }}
),

imported as (
    {{ source_columns("backend", "enriched_people", columns + [["available_at", "timestamp"]]) }}
),

unioned as (
    select * from synced
    union all
    select * from imported
),

final as (
    select
        lower(trim(email)) as email,
        title,
        seniority,
        department,
        {{ host_of("company_domain") }} as company_host,
        match_confidence,
        available_at
    from unioned
)

select * from final
