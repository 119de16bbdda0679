{#
    A materialization that says when each node could be known to be tied to each target.

    The model's SQL returns rows (kind text, left_node text, right_node text, available_at timestamp, known_until timestamp):
      edge    left_node and right_node are tied, either way round, known from available_at (included) until known_until (not);
      source  left_node is tied to the target right_node, likewise.
    A known_until of 9999-12-31 says that the tie still holds. The table built has rows (node, target, available_at,
    known_until). A path is known from the latest available_at on it until its earliest known_until, its source row's included.
    Of several paths those are kept that no other one contains: one row for most nodes and targets. A node that reaches no
    target is absent. Nulls and other kinds are refused.

    Method: semi-naive iteration. Each round passes on only what the round before has found or improved, so the rounds are
    as many as the longest improving path has steps: four to six for the small components that persons and accounts form.
#}
{% materialization earliest_reach, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set rows_as_text = create_working_table('text', sql) %}
    {% do refuse_unless_none(
        rows_as_text,
        "kind is null or left_node is null or right_node is null or available_at is null or known_until is null",
        "have a null in kind, left_node, right_node, available_at or known_until"
    ) %}
    {% do refuse_unless_none(rows_as_text, "kind not in ('edge', 'source')", "have a kind other than edge or source") %}

    {% set relations = replace_table(reach(rows_as_text)) %}
    {% do drop_working_tables(['text'] + reach_tables()) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({'relations': relations}) }}

{% endmaterialization %}


{# Works out who reaches whom in working tables, and gives the query that names them. #}
{% macro reach(rows_as_text) %}
    {% set nodes = number_nodes(rows_as_text) %}
    {% set links = create_working_table('links', widest_links(rows_as_text, nodes)) %}
    {% set frontier = create_working_table('frontier_0', widest_sources(rows_as_text, nodes)) %}
    {% set reached = create_working_table('reached', "select node, target, available_at, known_until from " ~ frontier) %}
    {% do spread_until_nothing_improves(frontier, links, reached) %}
    {% do return(widest_times(reached, nodes)) %}
{% endmacro %}


{% macro reach_tables() %}
    {% do return(['nodes', 'links', 'frontier_0', 'frontier_1', 'reached']) %}
{% endmacro %}


{# Every edge in both directions. #}
{% macro widest_links(rows_as_text, nodes) -%}
    with edges as (
        select
            left_nodes.number as left_number,
            right_nodes.number as right_number,
            edges.available_at,
            edges.known_until
        from {{ rows_as_text }} as edges
        inner join {{ nodes }} as left_nodes on left_nodes.node = edges.left_node
        inner join {{ nodes }} as right_nodes on right_nodes.node = edges.right_node
        where edges.kind = 'edge'
    ),

    both_directions as (
        select left_number as node, right_number as neighbour, available_at, known_until from edges
        union all
        select right_number as node, left_number as neighbour, available_at, known_until from edges
    )

    select
        node,
        neighbour,
        min(available_at) as available_at,
        known_until
    from both_directions
    group by node, neighbour, known_until
{%- endmacro %}


{% macro widest_sources(rows_as_text, nodes) -%}
    select
        source_nodes.number as node,
        targets.number as target,
        min(sources.available_at) as available_at,
        sources.known_until
    from {{ rows_as_text }} as sources
    inner join {{ nodes }} as source_nodes on source_nodes.node = sources.left_node
    inner join {{ nodes }} as targets on targets.node = sources.right_node
    where sources.kind = 'source'
    group by source_nodes.number, targets.number, sources.known_until
{%- endmacro %}


{# Three statements a round: count what improved, pass it on to the neighbours, keep it. #}
{% macro spread_until_nothing_improves(frontier, links, reached) %}
    {% set max_rounds = var('earliest_reach_max_rounds', 1000) | int %}
    {% set state = namespace(rounds=0, frontier=frontier, finished=false) %}

    {% for attempt in range(max_rounds + 1) if not state.finished %}
        {% set improved = count_rows(state.frontier) %}
        {% if improved == 0 %}
            {% set state.finished = true %}
        {% elif state.rounds == max_rounds %}
            {% do drop_working_tables(['text'] + reach_tables()) %}
            {% do exceptions.raise_compiler_error(
                "earliest_reach: model " ~ model.name ~ " still improves " ~ improved ~ " rows after " ~ state.rounds
                ~ " rounds. If its graph is sound, raise the variable earliest_reach_max_rounds."
            ) %}
        {% else %}
            {% set state.rounds = state.rounds + 1 %}
            {% set state.frontier = create_working_table(
                'frontier_' ~ (state.rounds % 2), pass_on(state.frontier, links, reached)
            ) %}
            {% do run_step(
                "insert into " ~ reached ~ " (node, target, available_at, known_until)
                select node, target, available_at, known_until from " ~ state.frontier
            ) %}
        {% endif %}
    {% endfor %}

    {{ log("earliest_reach: " ~ model.name ~ " took " ~ state.rounds ~ " rounds") }}
{% endmacro %}


{# `reached` is only ever added to, so a node and target may have several rows there; only a span that none of them contains
   counts as better. #}
{% macro pass_on(frontier, links, reached) -%}
    with offers as (
        select
            links.neighbour as node,
            frontier.target,
            min(greatest(frontier.available_at, links.available_at)) as available_at,
            least(frontier.known_until, links.known_until) as known_until
        from {{ frontier }} as frontier
        inner join {{ links }} as links on links.node = frontier.node
        where greatest(frontier.available_at, links.available_at) < least(frontier.known_until, links.known_until)
        group by links.neighbour, frontier.target, least(frontier.known_until, links.known_until)
    )

    select
        offers.node,
        offers.target,
        offers.available_at,
        offers.known_until
    from offers
    where not exists (
        select 1
        from {{ reached }} as reached
        where reached.node = offers.node
          and reached.target = offers.target
          and reached.available_at <= offers.available_at
          and reached.known_until >= offers.known_until
    )
{%- endmacro %}


{# A span is contained in another one when one that starts no later ends no earlier. #}
{% macro widest_times(reached, nodes) -%}
    with ordered as (
        select
            node,
            target,
            available_at,
            known_until,
            max(known_until) over (
                partition by node, target
                order by available_at, known_until desc
                rows between unbounded preceding and 1 preceding
            ) as latest_until_before
        from {{ reached }}
    )

    select
        nodes.node,
        targets.node as target,
        ordered.available_at,
        ordered.known_until
    from ordered
    inner join {{ nodes }} as nodes on nodes.number = ordered.node
    inner join {{ nodes }} as targets on targets.number = ordered.target
    where ordered.latest_until_before is null or ordered.latest_until_before < ordered.known_until
{%- endmacro %}
