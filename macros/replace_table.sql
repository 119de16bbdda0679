{#
    Builds the query beside the model's table and renames it into place, as dbt's own table materialization does: readers
    see the old table or the new one. Runs the hooks inside the transaction, grants and docs; those outside are the
    caller's. Gives the relations for dbt's cache.
#}
{% macro replace_table(query) %}
    {% set intermediate = free_intermediate() %}
    {% call statement('main') %}
        {{ get_create_table_as_sql(false, intermediate, query) }}
    {% endcall %}
    {% do return(rename_into_place(intermediate)) %}
{% endmacro %}

{# The relation that a new table is built in, freed from what a crash left behind. #}
{% macro free_intermediate() %}
    {% set intermediate = make_intermediate_relation(this.incorporate(type='table')) %}
    {% do drop_relation_if_exists(load_cached_relation(intermediate)) %}
    {% do return(intermediate) %}
{% endmacro %}

{# The second half: for a table that took several statements to build. `closing` statements belong to the same transaction. #}
{% macro rename_into_place(intermediate, closing=[]) %}
    {% set existing = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) %}
    {% do drop_relation_if_exists(load_cached_relation(backup)) %}

    {% if existing is not none %}
        {% do adapter.dispatch('free_for_rename')(existing) %}
        {% do adapter.rename_relation(existing, backup) %}
    {% endif %}
    {% do adapter.rename_relation(intermediate, target_relation) %}
    {% do create_indexes(target_relation) %}
    {% for query in closing %}
        {% call statement() %}{{ query }}{% endcall %}
    {% endfor %}

    {% do run_hooks(post_hooks, inside_transaction=true) %}
    {% set revoke = should_revoke(existing, full_refresh_mode=true) %}
    {% do apply_grants(target_relation, config.get('grants'), should_revoke=revoke) %}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}

    {% do drop_relation_if_exists(backup) %}
    {% do return([target_relation]) %}
{% endmacro %}

{% macro default__free_for_rename(relation) %}
{% endmacro %}

{# DuckDB renames no table that an index depends on. #}
{% macro duckdb__free_for_rename(relation) %}
    {% do drop_indexes_on_relation(relation) %}
{% endmacro %}
