{#
    Runs a model once per as-of date and keeps the rows of all of them in one table. One pass per date needs the memory of one
    date, and a date in the text lets the engine skip what is outside its windows; a join with all dates at once did not finish
    100 million events (docs/benchmarks.md).
#}
{% materialization by_as_of_date, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set dates = run_query("select as_of_date from " ~ ref("as_of_dates") ~ " order by as_of_date").columns[0].values() %}
    {% set rows = create_working_table("rows", "select * from (" ~ sql ~ ") as nothing where 1 = 0") %}
    {% for date in dates %}
        {% do run_step("insert into " ~ rows ~ " " ~ as_of(sql, date)) %}
    {% endfor %}

    {% set relations = replace_table("select * from " ~ rows) %}
    {% do drop_working_tables(["rows"]) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({"relations": relations}) }}

{% endmaterialization %}


{% macro as_of(query, date) %}
    {% do return(query | replace(as_of_date(), "cast('" ~ date ~ "' as date)")) %}
{% endmacro %}
