{#
    Runs a model once per as-of date and keeps the rows of all of them in one table. One pass per date needs the memory of one
    date, and a date in the text lets the engine skip what is outside its windows; a join with all dates at once did not finish
    100 million events (docs/benchmarks.md).

    With `keeps_past_dates`, for models that read nothing but measured_days, account_first_days and seeds, the rows of past dates are
    computed once: by the rule of time they never change, save for accounts whose history is another one now
    (docs/decisions/0010-tables-that-keep-their-rows.md).
#}
{% materialization by_as_of_date, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set dates = run_query("select as_of_date from " ~ ref("as_of_dates") ~ " order by as_of_date").columns[0].values() | map("string") | list %}
    {% set query = with_lookback(sql) %}
    {% if not config.get("keeps_past_dates") or not storage_is_followed() %}
        {% set relations = rename_into_place(rows_of_dates(query, dates)) %}
    {% else %}
        {% set fingerprint = storage_fingerprint(query) %}
        {% set kept = storage_kept_of_days(fingerprint) %}
        {% set dates_made = storage_relation(this.identifier, "dates") %}
        {% set closing = storage_closing(fingerprint) + [
            "create or replace table " ~ dates_made ~ " as select as_of_date from " ~ ref("as_of_dates")
        ] %}
        {% if kept.reason %}
            {% do say_storage("made anew in whole: " ~ kept.reason) %}
            {% set relations = rename_into_place(rows_of_dates(query, dates), closing) %}
        {% else %}
            {% set kept_dates = run_query(
                "select as_of_date from " ~ dates_made ~ " where as_of_date <= date '" ~ kept.known_until ~ "'"
            ).columns[0].values() | map("string") | select("in", dates) | list %}
            {% do say_storage(
                kept_dates | length ~ " of " ~ dates | length ~ " as-of dates kept; " ~ kept.changed ~ " accounts made anew in them"
            ) %}
            {% set relations = renew_dates(query, dates, kept_dates, kept.changed, closing) %}
        {% endif %}
        {% do drop_working_tables(["changed", "measured_days", "account_first_days"]) %}
    {% endif %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({"relations": relations}) }}

{% endmaterialization %}


{% macro as_of(query, date) %}
    {% do return(query | replace(as_of_date(), "cast('" ~ date ~ "' as date)")) %}
{% endmacro %}


{% macro with_lookback(query) %}
    {% if model.refs | selectattr("name", "equalto", "settings") | list %}
        {% set days = run_query("select " ~ lookback_days()).columns[0].values()[0] | int %}
        {% do return(query | replace(lookback_days() | trim, days)) %}
    {% endif %}
    {% do return(query) %}
{% endmacro %}


{% macro rows_of_dates(query, dates) %}
    {% set intermediate = free_intermediate() %}
    {% call statement('main', auto_begin=false) %}
        {{ get_create_table_as_sql(false, intermediate, "select * from (" ~ query ~ ") as nothing where 1 = 0") }}
    {% endcall %}
    {% for date in dates %}
        {% do run_step("insert into " ~ intermediate ~ " " ~ as_of(query, date)) %}
    {% endfor %}
    {% do return(intermediate) %}
{% endmacro %}


{# Drops dates that are gone, dates that were not complete, and accounts with another history; adds what is missing. #}
{% macro renew_dates(query, dates, kept_dates, changed, closing) %}
    {% set accounts = "(select account_id from " ~ working_table("changed") ~ ")" %}
    {% set of_changed = {"query": query} %}
    {% if changed and kept_dates %}
        {% for input in ["measured_days", "account_first_days"] %}
            {% set some = create_working_table(input, "select * from " ~ ref(input) ~ " where account_id in " ~ accounts) %}
            {% do of_changed.update({"query": of_changed.query | replace(ref(input) | string, some | string)}) %}
        {% endfor %}
    {% endif %}

    {% call statement('main') %}
        delete from {{ this }}
        where
            as_of_date not in ({{ "date '" ~ kept_dates | join("', date '") ~ "'" if kept_dates else "null" }})
            {{ "or account_id in " ~ accounts if changed }}
            {{ "or true" if not kept_dates }}
    {% endcall %}
    {% for date in dates %}
        {% if date not in kept_dates %}
            {% call statement() %}insert into {{ this }} {{ as_of(query, date) }}{% endcall %}
        {% elif changed %}
            {% call statement() %}insert into {{ this }} {{ as_of(of_changed.query, date) }}{% endcall %}
        {% endif %}
    {% endfor %}
    {% do return(finish_renewal(closing)) %}
{% endmacro %}
