{#-
    A person's department, function and seniority by the newest record of each, whoever wrote it; of two at the same moment always the
    same one. `known` is a CTE of rows of person_positions.
-#}
{% macro newest_positions(known) -%}
    select
        person_id,
        max(case when kind = 'department' then value end) as department,
        max(case when kind = 'function' then value end) as job_function,
        max(case when kind = 'seniority' then value end) as seniority
    from (
        select
            *,
            row_number() over (partition by person_id, kind order by available_at desc, value) as age_rank
        from {{ known }}
    ) as ranked
    where age_rank = 1
    group by person_id
{%- endmacro %}
