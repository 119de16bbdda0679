{#
    Working tables hold the steps of a materialization that is more than one query. They live for one model's run; names
    carry a hash of the model's own, so two models never meet and no engine's limit on names is reached. Every step
    replaces what it finds, so a run may start from whatever a crash left behind.
#}
{% macro working_table(part) %}
    {% set identifier = 'working_' ~ local_md5(this | string)[:12] ~ '_' ~ part %}
    {% do return(adapter.dispatch('working_table')(identifier)) %}
{% endmacro %}

{# Where an engine has no temporary tables (Spark), they are plain ones beside the model. #}
{% macro default__working_table(identifier) %}
    {% do return(this.incorporate(path={'identifier': identifier}, type='table')) %}
{% endmacro %}

{% macro duckdb__working_table(identifier) %}
    {% do return(api.Relation.create(database='temp', schema='main', identifier=identifier, type='table')) %}
{% endmacro %}

{% macro postgres__working_table(identifier) %}
    {% do return(api.Relation.create(schema='pg_temp', identifier=identifier, type='table')) %}
{% endmacro %}


{% macro create_working_table(part, query) %}
    {% set relation = working_table(part) %}
    {% do adapter.dispatch('create_working_table')(relation, query) %}
    {% do return(relation) %}
{% endmacro %}

{% macro default__create_working_table(relation, query) %}
    {% do run_step("drop table if exists " ~ relation) %}
    {% do run_step("create table " ~ relation ~ " as " ~ query) %}
{% endmacro %}

{% macro duckdb__create_working_table(relation, query) %}
    {% do run_step("create or replace temporary table " ~ relation ~ " as " ~ query) %}
{% endmacro %}

{% macro postgres__create_working_table(relation, query) %}
    {% do run_step("drop table if exists " ~ relation) %}
    {% do run_step("create temporary table " ~ relation ~ " as " ~ query) %}
    {% do run_step("analyze " ~ relation) %}
{% endmacro %}


{% macro drop_working_tables(parts) %}
    {% for part in parts %}
        {% do run_step("drop table if exists " ~ working_table(part)) %}
    {% endfor %}
{% endmacro %}


{# A step opens no transaction: DuckDB keeps no statistics about tables that are not committed yet, and without them its
   planner joins the two ends of an edge by nested loops (25 s instead of 0.02 s at 40,000 edges). #}
{% macro run_step(query) %}
    {% call statement(none, auto_begin=false) %}
        {{ query }}
    {% endcall %}
{% endmacro %}


{# For the same reason, what the hooks began is committed before the first step. #}
{% macro commit_before_steps() %}
    {% if pre_hooks | selectattr('transaction', 'equalto', true) | list %}
        {% call statement() %}select 1{% endcall %}  {# a hook may render to nothing, and then began nothing #}
        {% do adapter.commit() %}
    {% endif %}
{% endmacro %}


{% macro count_rows(relation, condition='1 = 1') %}
    {% set counted = run_query("select count(*) as row_count from " ~ relation ~ " where " ~ condition) %}
    {% do return(counted.columns[0].values()[0] | int) %}
{% endmacro %}


{% macro values_are_unique(relation, column) %}
    {% set counted = run_query(
        "select count(*) - count(distinct " ~ column ~ ") as repeated from " ~ relation
    ) %}
    {% do return(counted.columns[0].values()[0] | int == 0) %}
{% endmacro %}


{# Stops the model when the rows it returned break its materialization's terms. #}
{% macro refuse_unless_none(input, condition, complaint) %}
    {% set broken = count_rows(input, condition) %}
    {% if broken > 0 %}
        {% do drop_working_tables(['text']) %}
        {% do exceptions.raise_compiler_error(
            config.get('materialized') ~ ": " ~ broken ~ " rows of model " ~ model.name ~ " " ~ complaint ~ "."
        ) %}
    {% endif %}
{% endmacro %}
