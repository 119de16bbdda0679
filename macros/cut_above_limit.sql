{#
    A materialization that says when an identifier would join more people than its type allows, so that it is cut.

    The model's SQL returns rows (kind, observation_id, node, other_node, priority, is_mentioned, rule, source, available_at,
    known_until, allowed):
      seen    a record showed the node, with its type's priority (1 is the strongest); allowed is how many distinct stronger
              people it may join, null for any number;
      cut     the node is cut for another reason, from available_at until known_until;
      apart   node and other_node are never tied to each other directly.
    The table built has one row per node and span of time in which it is above its limit: (node, cut_from, cut_until, identities,
    allowed, example), identities being the most it would have joined in that span and example one of their identifiers.

    Method: from the strongest type to the weakest. People are the groups that the stronger identifiers alone make, as known
    at the time, without those that are cut themselves; an identifier that would join more of them than allowed takes no part
    while that is so, so nothing weaker ever sees a tie through it. The answer at any moment depends only on what was known
    then, and at the end not on the order in which it became known. Nearly all identifiers meet at most as many stronger ones
    as they may join: only the others, and what the people around them consist of, are looked at.
#}
{% materialization cut_above_limit, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set rows = create_working_table('rows', sql) %}
    {% set suspects = create_working_table('suspects', suspects_among(rows)) %}
    {% set concerned = gather_suspects_and_their_people(rows, suspects) %}
    {% set seen = create_working_table('seen', records_of(rows, concerned)) %}
    {% set apart = create_working_table('apart', "select node, other_node from " ~ rows ~ " where kind = 'apart'") %}
    {% set cuts = create_working_table('cuts', other_cuts_of(rows, concerned)) %}
    {% set above = create_working_table('above', nobody_above_limit()) %}

    {% for priority in priorities_of(suspects) %}
        {% set ties = create_working_table('ties', ties_up_to(seen, priority, cuts, apart)) %}
        {% set people = create_working_table('people', people_of_stronger_identifiers(seen, priority, cuts, ties)) %}
        {% set found = create_working_table('found', spans_above_limit(suspects, priority, ties, people)) %}
        {% do run_step("insert into " ~ above ~ " select * from " ~ found) %}
        {% do run_step("insert into " ~ cuts ~ " select node, cut_from, cut_until from " ~ found) %}
    {% endfor %}

    {% set relations = replace_table("select * from " ~ above) %}
    {% do drop_working_tables(
        ['rows', 'suspects', 'pairs', 'near_0', 'near_1', 'concerned', 'seen', 'apart', 'cuts', 'above', 'ties', 'stronger',
         'stronger_ties', 'oldest', 'text', 'reach', 'people', 'found'] + reach_tables()
    ) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({'relations': relations}) }}

{% endmaterialization %}


{# Who meets more stronger identifiers than it may join people. People are never more than their identifiers, so nobody else can
   be above the limit at any time. #}
{% macro suspects_among(rows) -%}
    select
        weaker.node,
        weaker.priority,
        weaker.allowed
    from {{ rows }} as weaker
    inner join {{ rows }} as stronger
        on weaker.observation_id = stronger.observation_id
        and stronger.kind = 'seen'
        and weaker.priority > stronger.priority
    where weaker.kind = 'seen' and weaker.allowed is not null
    group by weaker.node, weaker.priority, weaker.allowed
    having count(distinct stronger.node) > weaker.allowed
{%- endmacro %}


{# The suspects, the stronger identifiers that they meet, and those that a chain of stronger ones ties to them. #}
{% macro gather_suspects_and_their_people(rows, suspects) %}
    {% set pairs = create_working_table('pairs', pairs_of_stronger_identifiers(rows, suspects)) %}
    {% set state = namespace(near=create_working_table('near_0', stronger_than_suspects(rows, suspects)), finished=false) %}
    {% set concerned = create_working_table(
        'concerned', "select node from " ~ suspects ~ " union select node from " ~ state.near
    ) %}
    {% set max_steps = var('earliest_reach_max_rounds', 1000) | int %}
    {% for step in range(1, max_steps + 1) if not state.finished %}
        {% set state.near = create_working_table('near_' ~ (step % 2), next_to(state.near, pairs, concerned)) %}
        {% if count_rows(state.near) == 0 %}
            {% set state.finished = true %}
        {% else %}
            {% do run_step("insert into " ~ concerned ~ " select node from " ~ state.near) %}
        {% endif %}
    {% endfor %}
    {% if not state.finished %}
        {% do exceptions.raise_compiler_error(
            "cut_above_limit: model " ~ model.name ~ " still finds new identifiers after " ~ max_steps
            ~ " steps. If its graph is sound, raise the variable earliest_reach_max_rounds."
        ) %}
    {% endif %}
    {% do return(concerned) %}
{% endmacro %}


{% macro pairs_of_stronger_identifiers(rows, suspects) -%}
    with stronger as (
        select observation_id, node
        from {{ rows }}
        where kind = 'seen' and priority < (select max(priority) from {{ suspects }})
    )

    select distinct
        stronger.node,
        others.node as other_node
    from stronger
    inner join stronger as others on stronger.observation_id = others.observation_id and stronger.node <> others.node
{%- endmacro %}


{% macro stronger_than_suspects(rows, suspects) -%}
    select distinct stronger.node
    from {{ suspects }} as suspects
    inner join {{ rows }} as weaker on suspects.node = weaker.node and weaker.kind = 'seen'
    inner join {{ rows }} as stronger
        on weaker.observation_id = stronger.observation_id
        and stronger.kind = 'seen'
        and weaker.priority > stronger.priority
{%- endmacro %}


{% macro next_to(near, pairs, concerned) -%}
    select distinct pairs.other_node as node
    from {{ near }} as near
    inner join {{ pairs }} as pairs on near.node = pairs.node
    left join {{ concerned }} as concerned on pairs.other_node = concerned.node
    where concerned.node is null
{%- endmacro %}


{% macro records_of(rows, concerned) -%}
    select
        rows.observation_id,
        rows.node,
        rows.priority,
        rows.is_mentioned,
        rows.rule,
        rows.source,
        rows.available_at
    from {{ rows }} as rows
    inner join {{ concerned }} as concerned on rows.node = concerned.node
    where rows.kind = 'seen'
{%- endmacro %}


{% macro other_cuts_of(rows, concerned) -%}
    select
        rows.node,
        rows.available_at as cut_from,
        rows.known_until as cut_until
    from {{ rows }} as rows
    inner join {{ concerned }} as concerned on rows.node = concerned.node
    where rows.kind = 'cut'
{%- endmacro %}


{% macro nobody_above_limit() -%}
    select
        cast(null as {{ dbt.type_string() }}) as node,
        cast(null as timestamp) as cut_from,
        cast(null as timestamp) as cut_until,
        cast(null as {{ dbt.type_bigint() }}) as identities,
        cast(null as {{ dbt.type_int() }}) as allowed,
        cast(null as {{ dbt.type_string() }}) as example
    where 1 = 0
{%- endmacro %}


{% macro priorities_of(suspects) %}
    {% set rows = run_query("select distinct priority from " ~ suspects ~ " order by priority") %}
    {% do return(rows.columns[0].values() | map('int') | list) %}
{% endmacro %}


{% macro ties_up_to(seen, priority, cuts, apart) %}
    {% do return(ties("(select * from " ~ seen ~ " where priority <= " ~ priority ~ ")", cuts, apart)) %}
{% endmacro %}


{# Which person each stronger identifier was known to belong to, in spans of time, by what the stronger ones alone show. #}
{% macro people_of_stronger_identifiers(seen, priority, cuts, ties) %}
    {% set stronger = create_working_table('stronger',
        "select node, min(available_at) as first_seen_at
        from " ~ seen ~ "
        where priority < " ~ priority ~ "
        group by node"
    ) %}
    {% set stronger_ties = create_working_table('stronger_ties',
        "select ties.left_node, ties.right_node, ties.available_at, ties.known_until
        from " ~ ties ~ " as ties
        inner join " ~ stronger ~ " as stronger on ties.left_node = stronger.node"
    ) %}
    {% set oldest = create_working_table('oldest', oldest_identifiers(stronger, stronger_ties)) %}
    {% set text = create_working_table('text', ties_and_oldest(stronger_ties, oldest, cuts)) %}
    {% set reached = create_working_table('reach', reach(text)) %}
    {% do return(spans_of_the_oldest(reached, oldest)) %}
{% endmacro %}


{% macro ties_and_oldest(ties, oldest, cuts) -%}
    with facts as (
        select node, node as target, first_seen_at as available_at from {{ oldest }}
    ),

    sources as (
        {{ outside_cuts("facts", cuts) }}
    )

    select 'edge' as kind, left_node, right_node, available_at, known_until from {{ ties }}
    union all
    select 'source', node, target, available_at, known_until from sources
{%- endmacro %}


{# A suspect's people come and go; where more are there at once than allowed, it is cut. #}
{% macro spans_above_limit(suspects, priority, ties, people) -%}
    with met as (
        -- Distinct, since equal rows have no order and the two windows below must agree on one.
        select distinct
            suspects.node,
            suspects.allowed,
            people.oldest_node as person,
            greatest(ties.available_at, people.available_at) as met_from,
            least(ties.known_until, people.known_until) as met_until
        from {{ suspects }} as suspects
        inner join {{ ties }} as ties on suspects.node = ties.left_node
        inner join {{ people }} as people
            on ties.right_node = people.node
            and ties.available_at < people.known_until
            and ties.known_until > people.available_at
        where suspects.priority = {{ priority }}
    ),

    -- Several identifiers of one person count once.
    compared as (
        select
            *,
            max(met_until) over (
                partition by node, person
                order by met_from, met_until desc
                rows between unbounded preceding and 1 preceding
            ) as met_until_before
        from met
    ),

    numbered as (
        select
            *,
            sum(case when met_from <= met_until_before then 0 else 1 end) over (
                partition by node, person
                order by met_from, met_until desc
                rows between unbounded preceding and current row
            ) as meeting
        from compared
    ),

    meetings as (
        select node, allowed, person, min(met_from) as met_from, max(met_until) as met_until
        from numbered
        group by node, allowed, person, meeting
    ),

    changes as (
        select node, allowed, met_from as moment, 1 as change from meetings
        union all
        select node, allowed, met_until, -1 from meetings where met_until < {{ the_end_of_time() }}
    ),

    sums as (
        select node, allowed, moment, sum(change) as change
        from changes
        group by node, allowed, moment
    ),

    counted as (
        select
            node,
            allowed,
            moment,
            coalesce(lead(moment) over (partition by node order by moment), {{ the_end_of_time() }}) as next_moment,
            sum(change) over (partition by node order by moment rows between unbounded preceding and current row) as people
        from sums
    ),

    above as (
        select
            *,
            lag(next_moment) over (partition by node order by moment) as moment_before
        from counted
        where people > allowed
    ),

    spans as (
        select
            *,
            sum(case when moment = moment_before then 0 else 1 end) over (
                partition by node
                order by moment
                rows between unbounded preceding and current row
            ) as span_number
        from above
    ),

    examples as (
        select left_node as node, min(right_node) as example
        from {{ ties }}
        group by left_node
    )

    select
        spans.node,
        min(spans.moment) as cut_from,
        max(spans.next_moment) as cut_until,
        cast(max(spans.people) as {{ dbt.type_bigint() }}) as identities,
        spans.allowed,
        min(examples.example) as example
    from spans
    inner join examples on spans.node = examples.node
    group by spans.node, spans.allowed, spans.span_number
{%- endmacro %}
