{#
    Keeps what was made of facts known before the last day that it holds, and makes anew what became known since, and every row of
    accounts whose facts of before are not what they were: merged, split, cut, forgotten, or with a fact that came with an old date
    (docs/decisions/0010-tables-that-keep-their-rows.md). The model's SQL knows nothing of this: it is run on fewer facts.

    For account_days. Whether an account's facts are what they were is told by a sum of hashes of them all, so that facts are
    compared with facts, and nothing has to be known of the ways in which identity changes.
#}
{% materialization by_day_known, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% set relations = replace_table(sql) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({"relations": relations}) }}

{% endmaterialization %}


{% materialization by_day_known, adapter='duckdb' %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}
    {% do run_step("create schema if not exists " ~ storage_relation(this.identifier, "state").without_identifier()) %}

    {% set facts = ref("account_signals") %}
    {% set span = run_query("select cast(min(available_at) as date), cast(max(available_at) as date) from " ~ facts).rows[0] %}
    {% set fingerprint = storage_fingerprint(sql) %}
    {% set histories = storage_relation(this.identifier, "histories") %}
    {% set kept = storage_kept(fingerprint) %}

    {% do create_working_table("today", facts_by_account(facts, kept.known_until or span[1], span[1])) %}
    {% if not kept.reason %}
        {% do create_working_table("changed", changed_facts(histories)) %}
        {% if storage_too_many(working_table("changed"), histories) %}
            {% do kept.update({"reason": count_rows(working_table("changed")) ~ " accounts have another history"}) %}
        {% endif %}
    {% endif %}

    {% set closing = [
        "create or replace table " ~ histories ~ " as " ~ histories_of_today(histories, kept),
        "create or replace table " ~ storage_relation(this.identifier, "state") ~ " as select '" ~ fingerprint
            ~ "' as fingerprint, " ~ ("cast('" ~ span[1] ~ "' as date)" if span[1] else "cast(null as date)") ~ " as known_until"
    ] %}
    {% if kept.reason %}
        {% do say_storage("made anew in whole: " ~ kept.reason) %}
        {% set relations = rename_into_place(days_by_month(sql, facts, span), closing) %}
    {% else %}
        {% set changed = count_rows(working_table("changed")) %}
        {% do say_storage("kept up to " ~ kept.known_until ~ "; " ~ changed ~ " accounts made anew") %}
        {% set relations = renew_days(sql, facts, kept.known_until, changed, closing) %}
    {% endif %}

    {% do drop_working_tables(["today", "changed", "late"]) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({"relations": relations}) }}

{% endmaterialization %}


{# Per account, a sum of hashes over the facts known before the day that is kept, and over those before the last day of now. #}
{% macro facts_by_account(facts, kept_until, known_until) %}
    select
        account_id,
        sum(fact) filter (where available_at < timestamp '{{ kept_until or "1970-01-01" }}') as known_before,
        sum(fact) filter (where available_at < timestamp '{{ known_until or "1970-01-01" }}') as known,
        min(available_at) as known_from
    from (
        select
            account_id,
            available_at,
            hash(person_id, signal, occurred_at, available_at, amount) as fact
        from {{ facts }}
    ) as hashed
    group by account_id
{% endmacro %}


{% macro changed_facts(histories) %}
    select coalesce(today.account_id, histories.account_id) as account_id
    from {{ working_table("today") }} as today
    full join {{ histories }} as histories on today.account_id = histories.account_id
    where today.known_before is distinct from histories.known
{% endmacro %}


{# An account's history goes by the name of the invocation that made it, or made it anew. #}
{% macro histories_of_today(histories, kept) %}
    select
        today.account_id,
        today.known,
        today.known_from,
        {% if kept.reason -%}
        '{{ invocation_id }}' as version
        {% else -%}
        case when changed.account_id is null then coalesce(histories.version, '{{ invocation_id }}') else '{{ invocation_id }}' end as version
        {% endif %}
    from {{ working_table("today") }} as today
    {% if not kept.reason -%}
    left join {{ histories }} as histories on today.account_id = histories.account_id
    left join {{ working_table("changed") }} as changed on today.account_id = changed.account_id
    {% endif %}
{% endmacro %}


{#
    All days, a month of becoming known after the other: each needs little memory, and the table ends up in the order in which
    later readers look for it.
#}
{% macro days_by_month(query, facts, span) %}
    {% set intermediate = free_intermediate() %}
    {% call statement('main', auto_begin=false) %}
        {{ get_create_table_as_sql(false, intermediate, query | replace(facts | string, "(select * from " ~ facts ~ " where 1 = 0)")) }}
    {% endcall %}
    {% if span[0] is not none %}
        {% set months = run_query(
            "select cast(unnest(generate_series(date_trunc('month', date '" ~ span[0] ~ "'), timestamp '" ~ span[1] ~ "', interval 1 month)) as date)"
        ).columns[0].values() | map("string") | list %}
        {% for month in months %}
            {% set until = months[loop.index] if not loop.last else none %}
            {% do run_step(
                "insert into " ~ intermediate ~ " select * from (" ~ query_of_days_known(query, facts, month, until)
                ~ ") as days where available_on >= date '" ~ month ~ "'"
            ) %}
        {% endfor %}
    {% endif %}
    {% do return(intermediate) %}
{% endmacro %}


{#
    The query on the facts known since a day. A fact that came late is counted beside those that were known before of the same
    person, signal and day, so these are read too; their rows are not taken again.
#}
{% macro query_of_days_known(query, facts, since, until=none) %}
    {% set known = "available_at >= timestamp '" ~ since ~ "'" ~ (" and available_at < timestamp '" ~ until ~ "'" if until else "") %}
    {% set person_day = "hash(account_id, person_id, signal, cast(occurred_at as date))" %}
    {% set late = create_working_table("late",
        "select distinct " ~ person_day ~ " as person_day, cast(occurred_at as date) as occurred_on from " ~ facts
        ~ " where " ~ known ~ " and occurred_at < timestamp '" ~ since ~ "'"
    ) %}
    {% set late_since = run_query("select min(occurred_on) from " ~ late).columns[0].values()[0] %}
    {% set some = "select * from " ~ facts ~ " where " ~ known %}
    {% if late_since is not none %}
        {% set some = some ~ " union all select * from " ~ facts ~ " where available_at >= timestamp '" ~ late_since
            ~ "' and available_at < timestamp '" ~ since ~ "' and " ~ person_day ~ " in (select person_day from " ~ late ~ ")" %}
    {% endif %}
    {% do return(query | replace(facts | string, "(" ~ some ~ ")")) %}
{% endmacro %}


{# Drops what became known since and what belongs to accounts with another history, and adds it as it is now: one transaction. #}
{% macro renew_days(query, facts, since, changed, closing) %}
    {% set accounts = "(select account_id from " ~ working_table("changed") ~ ")" %}
    {% set latest = query_of_days_known(query, facts, since) %}
    {% call statement('main') %}
        delete from {{ this }} where available_on >= date '{{ since }}' {{ "or account_id in " ~ accounts if changed }}
    {% endcall %}
    {% call statement() %}
        insert into {{ this }}
        select * from ({{ latest }}) as days
        where available_on >= date '{{ since }}' {{ "and account_id not in " ~ accounts if changed }}
    {% endcall %}
    {% if changed %}
        {% call statement() %}
            insert into {{ this }}
            {{ query | replace(facts | string, "(select * from " ~ facts ~ " where account_id in " ~ accounts ~ ")") }}
        {% endcall %}
    {% endif %}
    {% do return(finish_renewal(closing)) %}
{% endmacro %}
