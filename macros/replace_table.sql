{#
    Builds the query beside the model's table and renames it into place, as dbt's own table materialization does: readers
    see the old table or the new one. Runs the hooks inside the transaction, grants and docs; those outside are the
    caller's. Gives the relations for dbt's cache.
#}
{% macro replace_table(query) %}
    {% set existing = load_cached_relation(this) %}
    {% set target_relation = this.incorporate(type='table') %}
    {% set intermediate = make_intermediate_relation(target_relation) %}
    {% set backup = make_backup_relation(target_relation, 'table' if existing is none else existing.type) %}

    {# What a crash left behind. #}
    {% do drop_relation_if_exists(load_cached_relation(intermediate)) %}
    {% do drop_relation_if_exists(load_cached_relation(backup)) %}

    {% call statement('main') %}
        {{ get_create_table_as_sql(false, intermediate, query) }}
    {% endcall %}

    {% if existing is not none %}
        {% do adapter.dispatch('free_for_rename')(existing) %}
        {% do adapter.rename_relation(existing, backup) %}
    {% endif %}
    {% do adapter.rename_relation(intermediate, target_relation) %}
    {% do create_indexes(target_relation) %}

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
