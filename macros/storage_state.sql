{#
    What a table that keeps its rows remembers, in the schema `storage`, written in the transaction that writes the table:
    `<table>_state` (fingerprint, known_until) and `<table>_histories` (per account, which history the kept rows were made from).
    A model compares this with today's and with nothing else, so it does not matter which run stopped where.
#}
{% macro storage_relation(table, part) %}
    {% do return(api.Relation.create(
        database=this.database, schema='storage', identifier=table ~ '_' ~ part, type='table'
    )) %}
{% endmacro %}


{#
    What the rows depend on besides facts and dates: the SQL with all macros in it, the rows of seeds, the contract, the versions; the
    same of what stands between account_days and the model.
#}
{% macro storage_fingerprint(query) %}
    {% set texts = [query, model.contract.checksum | string, dbt_version, run_query("select version()").columns[0].values()[0]] %}
    {% for node in storage_ancestors() %}
        {% if node.resource_type == "seed" %}
            {% do texts.append(run_query(
                "select count(*) || ' ' || coalesce(sum(hash(seed)), 0) from " ~ node.relation_name ~ " as seed"
            ).columns[0].values()[0]) %}
        {% else %}
            {% do texts.append(node.checksum.checksum) %}
        {% endif %}
    {% endfor %}
    {% do return(local_md5(texts | join("\n"))) %}
{% endmacro %}


{# Whatever the model is made of, up to account_days and account_signals: what these hold is compared row by row, or by history. #}
{% macro storage_ancestors() %}
    {% set found = [] %}
    {% set level = namespace(nodes=model.depends_on.nodes) %}
    {% for _ in range(6) if level.nodes %}
        {% set before = namespace(nodes=[]) %}
        {% for name in level.nodes if name in graph.nodes and graph.nodes[name].name not in ["account_days", "account_signals", "as_of_dates"] %}
            {% if graph.nodes[name] not in found %}
                {% do found.append(graph.nodes[name]) %}
                {% set before.nodes = before.nodes + graph.nodes[name].depends_on.get("nodes", []) %}
            {% endif %}
        {% endfor %}
        {% set level.nodes = before.nodes %}
    {% endfor %}
    {% do return(found | sort(attribute="unique_id")) %}
{% endmacro %}


{# What is remembered, as a mapping with `known_until`; or, with a `reason`, why the table has to be made anew in whole. #}
{% macro storage_kept(fingerprint) %}
    {% if should_full_refresh() %}
        {% do return({"reason": "asked for"}) %}
    {% endif %}
    {% set existing = load_cached_relation(this) %}
    {% if existing is none or existing.type != "table" %}
        {% do return({"reason": "there is none yet"}) %}
    {% endif %}
    {% set state = storage_relation(this.identifier, "state") %}
    {% if adapter.get_relation(state.database, state.schema, state.identifier) is none %}
        {% do return({"reason": "nothing is remembered of it"}) %}
    {% endif %}
    {% set rows = run_query("select fingerprint, known_until from " ~ state).rows %}
    {% if rows | length != 1 or rows[0][1] is none %}
        {% do return({"reason": "nothing is remembered of it"}) %}
    {% endif %}
    {% if rows[0][0] != fingerprint %}
        {% do return({"reason": "its SQL, a seed it reads, dbt or the engine is another one now"}) %}
    {% endif %}
    {% do return({"known_until": rows[0][1] | string}) %}
{% endmacro %}


{# Above a fifth of the accounts, making them anew one by one costs more than making all anew. #}
{% macro storage_too_many(changed, histories) %}
    {% do return(5 * count_rows(changed) > count_rows(histories)) %}
{% endmacro %}


{% macro say_storage(what) %}
    {% do log(this.identifier ~ ": " ~ what, info=true) %}
{% endmacro %}


{#
    For tables made of account_days: the accounts whose history in it is another one than the table was made from. One that is new
    since, with nothing known before, has no rows to be made anew.
#}
{% macro storage_changed_accounts(known_until) %}
    {% set now = storage_relation("account_days", "histories") %}
    {% do return(create_working_table("changed",
        "select coalesce(now_known.account_id, made_from.account_id) as account_id from " ~ now ~ " as now_known full join "
        ~ storage_relation(this.identifier, "histories") ~ " as made_from on now_known.account_id = made_from.account_id"
        ~ " where now_known.version is distinct from made_from.version"
        ~ " and not (made_from.account_id is null and now_known.known_from >= timestamp '" ~ known_until ~ "')"
    )) %}
{% endmacro %}


{# The statements that remember what a table was made from: the histories that account_days holds at this moment. #}
{% macro storage_closing(fingerprint) %}
    {% do return([
        "create or replace table " ~ storage_relation(this.identifier, "histories") ~ " as select account_id, version from "
            ~ storage_relation("account_days", "histories"),
        "create or replace table " ~ storage_relation(this.identifier, "state") ~ " as select '" ~ fingerprint
            ~ "' as fingerprint, known_until from " ~ storage_relation("account_days", "state")
    ]) %}
{% endmacro %}


{#
    Whether account_days remembers what it was made from; other engines, and tables made by hand, do not. What is made on demand, in a
    schema of its own, is not what is remembered.
#}
{% macro storage_is_followed() %}
    {% if var("only_as_of_date", false) %}
        {% do return(false) %}
    {% endif %}
    {% set state = storage_relation("account_days", "state") %}
    {% do return(adapter.get_relation(state.database, state.schema, state.identifier) is not none) %}
{% endmacro %}


{# What is remembered of a table made of account_days, with the accounts to make anew in the working table `changed`. #}
{% macro storage_kept_of_days(fingerprint) %}
    {% set kept = storage_kept(fingerprint) %}
    {% if not kept.reason %}
        {% set changed = storage_changed_accounts(kept.known_until) %}
        {% do kept.update({"changed": count_rows(changed)}) %}
        {% if storage_too_many(changed, storage_relation(this.identifier, "histories")) %}
            {% do kept.update({"reason": kept.changed ~ " accounts have another history"}) %}
        {% endif %}
    {% endif %}
    {% do return(kept) %}
{% endmacro %}


{# Ends the transaction that renewed a table in place: what it remembers is written with it. Gives the relations for dbt's cache. #}
{% macro finish_renewal(closing) %}
    {% for closing_query in closing %}
        {% call statement() %}{{ closing_query }}{% endcall %}
    {% endfor %}
    {% do run_hooks(post_hooks, inside_transaction=true) %}
    {% do persist_docs(this, model) %}
    {% do adapter.commit() %}
    {% do return([this.incorporate(type='table')]) %}
{% endmacro %}
