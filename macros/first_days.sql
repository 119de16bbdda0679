{#
    For account_first_days: keeps the rows known before the last day it was made from, and makes anew what became known since, with
    the kept rows beside it as the first days so far. Accounts with another history are made anew in whole.
#}
{% materialization first_days, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% if not storage_is_followed() %}
        {% set relations = replace_table(sql) %}
    {% else %}
        {% do commit_before_steps() %}
        {% set fingerprint = storage_fingerprint(sql) %}
        {% set kept = storage_kept_of_days(fingerprint) %}
        {% if kept.reason %}
            {% do say_storage("made anew in whole: " ~ kept.reason) %}
            {% set intermediate = free_intermediate() %}
            {% call statement('main', auto_begin=false) %}
                {{ get_create_table_as_sql(false, intermediate, sql) }}
            {% endcall %}
            {% set relations = rename_into_place(intermediate, storage_closing(fingerprint)) %}
        {% else %}
            {% do say_storage("kept up to " ~ kept.known_until ~ "; " ~ kept.changed ~ " accounts made anew") %}
            {% set relations = renew_first_days(sql, kept, storage_closing(fingerprint)) %}
        {% endif %}
        {% do drop_working_tables(["changed", "renewed"]) %}
    {% endif %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({"relations": relations}) }}

{% endmaterialization %}


{% macro renew_first_days(query, kept, closing) %}
    {% set days = ref("measured_days") %}
    {% set known_since = "available_on >= date '" ~ kept.known_until ~ "'" %}
    {% set accounts = "account_id in (select account_id from " ~ working_table("changed") ~ ")" %}
    {% set some %}
        select account_id, signal, occurred_on, available_on from {{ days }}
        where {{ known_since }} {{ "or " ~ accounts if kept.changed }}
        union all
        select account_id, signal, first_on, available_on from {{ this }}
        where not {{ known_since }} {{ "and not " ~ accounts if kept.changed }}
    {% endset %}
    {% set renewed = create_working_table("renewed",
        "select * from (" ~ query | replace(days | string, "(" ~ some ~ ")") ~ ") as first_days where " ~ known_since
        ~ (" or " ~ accounts if kept.changed else "")
    ) %}
    {% call statement('main') %}
        delete from {{ this }} where {{ known_since }} {{ "or " ~ accounts if kept.changed }}
    {% endcall %}
    {% call statement() %}
        insert into {{ this }} select * from {{ renewed }}
    {% endcall %}
    {% do return(finish_renewal(closing)) %}
{% endmacro %}
