-- Grain: one row per enrichment of a company domain; a later one supersedes an earlier one.

{%- set columns = [
    ["domain", "varchar"], ["name", "varchar"], ["industry", "varchar"], ["employees", "bigint"], ["country", "varchar"],
    ["match_confidence", "double"],
] %}

with

synced as (
    {{ source_columns("enrichment", "companies", columns + [["available_at", "timestamp", "enriched_at"]]) }}
),

imported as (
    {{ source_columns("backend", "companies", columns + [["available_at", "timestamp"]]) }}
),

unioned as (
    select * from synced
    union all
    select * from imported
),

final as (
    select
        {{ host_of("domain") }} as host,
        name,
        industry,
        employees,
        country,
        match_confidence,
        available_at
    from unioned
)

select * from final
