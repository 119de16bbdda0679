{#
    A materialization for graphs too deep for joins written by hand.

    The model's SQL returns edges (left_node text, right_node text). A self loop declares a node that may stand alone;
    duplicates are allowed, nulls are refused. The table built has one row per distinct node: (node, component), where
    component is the smallest node of its connected component in binary order. The answer holds no trace of the
    pseudo-random numbers used on the way, so it is the same on every run and on every engine.

    Method: randomised contraction after Boegeholz, Brand and Todor, "In-database connected component analysis" (ICDE
    2020), with three changes: nodes are labelled by a hash of their text where the engine has one, so that edges need no
    join to be labelled; each vertex follows its representatives three steps instead of one, which means fewer rounds; and
    the rounds are composed backwards in one statement. See docs/decisions/0003-connected-components-in-sql.md.
#}
{% materialization connected_components, default %}

    {% do run_hooks(pre_hooks, inside_transaction=false) %}
    {% do run_hooks(pre_hooks, inside_transaction=true) %}
    {% do commit_before_steps() %}

    {% set edges_as_text = create_working_table('text', sql) %}
    {% do refuse_unless_none(
        edges_as_text, 'left_node is null or right_node is null', 'have a null in left_node or right_node'
    ) %}
    {% set nodes = label_nodes(edges_as_text) %}
    {% set edges = label_edges(edges_as_text, nodes) %}
    {% do drop_working_tables(['text']) %}

    {% set rounds = contract_until_no_edge_is_left(edges) %}
    {% do create_working_table('labels', compose_rounds_backwards(nodes.relation, rounds)) %}

    {% set relations = replace_table(name_components_by_smallest_node(working_table('labels'))) %}
    {% do drop_working_tables(['nodes', 'edges_0', 'edges_1', 'labels'] + contraction_names(rounds)) %}
    {% do run_hooks(post_hooks, inside_transaction=false) %}

    {{ return({'relations': relations}) }}

{% endmaterialization %}


{# A label is a pair of whole numbers in one of 8 bytes: high * low_range + low. Its high part is an element of the field
   of 2^31 - 1, so that a product of two still fits 8 bytes; the low part only tells labels of one high part from each
   other. Tests set a prime just above the number of nodes and leave the low part no room: then hashes are not unique, and
   a mix-up of label spaces, too rare to see in the large field, shows. #}
{% macro label_prime() %}
    {{ return(var('connected_components_prime', 2147483647) | int) }}
{% endmacro %}

{% macro label_low_range() %}
    {{ return(var('connected_components_low_range', 4294967296) | int) }}
{% endmacro %}


{# The affine map over the field that takes labels into the given round's order. A fixed seed per round, so that a run can
   be repeated; the generator is Lehmer's with Park and Miller's multiplier, run a few steps to part the seeds. A multiplier
   of zero would not be one to one. #}
{% macro scramble(round) %}
    {% set state = namespace(value=round * 7919 + 20200420, drawn=[]) %}
    {% for step in range(6) %}
        {% set state.value = (state.value * 48271) % 2147483647 %}
        {% do state.drawn.append(state.value) %}
    {% endfor %}
    {{ return({
        'multiplier': 1 + state.drawn[4] % (label_prime() - 1),
        'offset': state.drawn[5] % label_prime(),
    }) }}
{% endmacro %}


{# The map moves the high part and leaves the low one. The quotient is a whole number of 31 bits, so it is exact where `/`
   divides whole numbers and where it gives a double. #}
{% macro scrambled(label, map) -%}
    {%- set low = 'mod(' ~ label ~ ', ' ~ label_low_range() ~ ')' -%}
    {%- set high = 'cast((' ~ label ~ ' - ' ~ low ~ ') / ' ~ label_low_range() ~ ' as ' ~ dbt.type_bigint() ~ ')' -%}
    mod({{ high }} * {{ map.multiplier }} + {{ map.offset }}, {{ label_prime() }}) * {{ label_low_range() }} + {{ low }}
{%- endmacro %}


{# Labels are hashes of the texts where the engine has a hash of 8 bytes: then no text has to be joined to label an edge.
   Two nodes with one hash (2 in a million runs over 7 million nodes) are seen, and the nodes are numbered instead. #}
{% macro label_nodes(edges_as_text) %}
    {% if hash_of_text('node') is not none %}
        {% set hashed = create_working_table('nodes',
            "select node, " ~ hashed_label('node') ~ " as label from (" ~ distinct_nodes(edges_as_text) ~ ") as distinct_nodes"
        ) %}
        {% if values_are_unique(hashed, 'label') %}
            {% do return({'relation': hashed, 'are_hashed': true}) %}
        {% endif %}
        {{ log("connected_components: two nodes of " ~ model.name ~ " share a hash, so its nodes are numbered") }}
    {% endif %}

    {% set numbered = number_nodes(edges_as_text) %}
    {% do refuse_more_nodes_than_labels(numbered) %}
    {% set raw_label = 'cast(number as ' ~ dbt.type_bigint() ~ ') * ' ~ label_low_range() %}
    {% do return({
        'relation': '(select node, ' ~ scrambled(raw_label, scramble(0)) ~ ' as label from ' ~ numbered ~ ')',
        'are_hashed': false,
    }) %}
{% endmacro %}


{% macro hashed_label(node) -%}
    mod({{ hash_of_text(node) }}, {{ label_prime() * label_low_range() }})
{%- endmacro %}


{# A whole number from 0 to 2^63 - 1. None where the engine is not known to have one. #}
{% macro hash_of_text(expression) %}
    {{ return(adapter.dispatch('hash_of_text')(expression)) }}
{% endmacro %}

{% macro default__hash_of_text(expression) %}
    {{ return(none) }}
{% endmacro %}

{% macro duckdb__hash_of_text(expression) %}
    {{ return('cast(hash(cast(' ~ expression ~ ' as text)) >> 1 as bigint)') }}
{% endmacro %}

{% macro postgres__hash_of_text(expression) %}
    {{ return('(hashtextextended(cast(' ~ expression ~ ' as text), 0) & 9223372036854775807)') }}
{% endmacro %}


{% macro refuse_more_nodes_than_labels(nodes) %}
    {% set node_count = count_rows(nodes) %}
    {% if node_count >= label_prime() %}
        {% do drop_working_tables(['text', 'nodes']) %}
        {% do exceptions.raise_compiler_error(
            "connected_components: model " ~ model.name ~ " has " ~ node_count ~ " nodes; labels go to "
            ~ (label_prime() - 1) ~ "."
        ) %}
    {% endif %}
{% endmacro %}


{# Self loops have done their work once the nodes are labelled. They are dropped here by their texts, not by comparing the
   two labels: a planner may take such a comparison for a join condition between the two copies of `nodes`. #}
{% macro label_edges(edges_as_text, nodes) %}
    {% if nodes.are_hashed %}
        {% set query = "select
            " ~ hashed_label('left_node') ~ " as left_label,
            " ~ hashed_label('right_node') ~ " as right_label
        from " ~ edges_as_text %}
    {% else %}
        {% set query = "select
            left_nodes.label as left_label,
            right_nodes.label as right_label
        from " ~ edges_as_text ~ " as edges
        inner join " ~ nodes.relation ~ " as left_nodes on left_nodes.node = edges.left_node
        inner join " ~ nodes.relation ~ " as right_nodes on right_nodes.node = edges.right_node" %}
    {% endif %}
    {% do return(create_working_table('edges_0', query ~ " where left_node <> right_node")) %}
{% endmacro %}


{# Three statements a round: count the edges, choose representatives, contract. Gives the number of rounds. #}
{% macro contract_until_no_edge_is_left(edges) %}
    {% set max_rounds = var('connected_components_max_rounds', 60) | int %}
    {% set state = namespace(rounds=0, edges=edges, finished=false) %}

    {% for attempt in range(max_rounds + 1) if not state.finished %}
        {% set edges_left = count_rows(state.edges) %}
        {% if edges_left == 0 %}
            {% set state.finished = true %}
        {% elif state.rounds == max_rounds %}
            {% do drop_working_tables(['nodes', 'edges_0', 'edges_1'] + contraction_names(state.rounds)) %}
            {% do exceptions.raise_compiler_error(
                "connected_components: model " ~ model.name ~ " still has " ~ edges_left ~ " edges after " ~ state.rounds
                ~ " rounds. If its graph is sound, raise the variable connected_components_max_rounds."
            ) %}
        {% else %}
            {% set contraction = create_working_table(
                'contraction_' ~ state.rounds, choose_representatives(state.edges, scramble(state.rounds + 1))
            ) %}
            {% set state.rounds = state.rounds + 1 %}
            {% set state.edges = create_working_table(
                'edges_' ~ (state.rounds % 2), contract_edges(state.edges, contraction)
            ) %}
        {% endif %}
    {% endfor %}

    {{ log("connected_components: " ~ model.name ~ " took " ~ state.rounds ~ " rounds") }}
    {% do return(state.rounds) %}
{% endmacro %}


{# label -> its representative, already scrambled for the next round. Labels are in pseudo-random order, so the smallest
   label next door is a random choice; following it three steps merges whole chains of choices in one round. #}
{% macro choose_representatives(edges, map) -%}
    with neighbours as (
        select left_label as label, right_label as neighbour from {{ edges }}
        union all
        select right_label as label, left_label as neighbour from {{ edges }}
    ),

    first_step as (
        select
            label,
            least(label, min(neighbour)) as representative
        from neighbours
        group by label
    )

    select
        first_step.label,
        {{ scrambled('third_step.representative', map) }} as representative
    from first_step
    inner join first_step as second_step on second_step.label = first_step.representative
    inner join first_step as third_step on third_step.label = second_step.representative
{%- endmacro %}


{% macro contract_edges(edges, contraction) -%}
    select distinct
        left_ends.representative as left_label,
        right_ends.representative as right_label
    from {{ edges }} as edges
    inner join {{ contraction }} as left_ends on left_ends.label = edges.left_label
    inner join {{ contraction }} as right_ends on right_ends.label = edges.right_label
    where left_ends.representative <> right_ends.representative
{%- endmacro %}


{# Each round has its own label space, so every label must reach the last one before two of them are compared. One that a
   later round no longer knows (its component was finished) takes that round's scrambling, and all that follow, instead:
   affine maps compose, so that is one affine map as well. Smallest tables first: the cost falls as they grow. #}
{% macro compose_rounds_backwards(nodes, rounds) %}
    {% set state = namespace(later=none, remaining={'multiplier': 1, 'offset': 0}, steps=[]) %}

    {% for round in range(rounds) | reverse %}
        {% set contraction = working_table('contraction_' ~ round) %}
        {% if state.later is none %}
            {% set composed = "select label, representative from " ~ contraction %}
        {% else %}
            {% set composed = "select contraction.label, coalesce(later.representative, "
                ~ scrambled('contraction.representative', state.remaining) ~ ") as representative
                from " ~ contraction ~ " as contraction
                left join " ~ state.later ~ " as later on later.label = contraction.representative" %}
        {% endif %}
        {% set state.later = 'from_round_' ~ round %}
        {% do state.steps.append(state.later ~ " as (" ~ composed ~ ")") %}
        {% set state.remaining = composed_maps(scramble(round + 1), state.remaining) %}
    {% endfor %}

    {% if state.later is none %}
        {% do return("select node, label from " ~ nodes ~ " as nodes") %}
    {% endif %}
    {% do return(
        "with " ~ state.steps | join(", ") ~ "
        select
            nodes.node,
            coalesce(later.representative, " ~ scrambled('nodes.label', state.remaining) ~ ") as label
        from " ~ nodes ~ " as nodes
        left join " ~ state.later ~ " as later on later.label = nodes.label"
    ) %}
{% endmacro %}


{% macro composed_maps(first, second) %}
    {{ return({
        'multiplier': (second.multiplier * first.multiplier) % label_prime(),
        'offset': (second.multiplier * first.offset + second.offset) % label_prime(),
    }) }}
{% endmacro %}


{% macro name_components_by_smallest_node(labels) -%}
    with components as (
        select
            label,
            min({{ in_binary_order('node') }}) as component
        from {{ labels }}
        group by label
    )

    select
        labels.node,
        components.component
    from {{ labels }} as labels
    inner join components on components.label = labels.label
{%- endmacro %}


{% macro contraction_names(rounds) %}
    {% set names = [] %}
    {% for round in range(rounds) %}
        {% do names.append('contraction_' ~ round) %}
    {% endfor %}
    {% do return(names) %}
{% endmacro %}
