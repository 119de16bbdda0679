{#-
    A pre-hook of models kept by run: drops the rows of runs that were never published (a failed test, a crash), and of the
    run under way, so that it can be repeated. With keep_history=false only the published run's rows stay beside it.
-#}
{% macro forget_other_runs(keep_history=false) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where run_id not in (
        {% if keep_history -%}
        select runs.run_id from {{ source("publishing", "runs") }} as runs where runs.status = 'published'
        {%- else -%}
        select pointer.run_id from {{ source("publishing", "pointer") }} as pointer
        {%- endif %}
    );
    commit;
    begin
    {%- endif -%}
{%- endmacro %}
