{#- Under which identifier a row of `identity_observations` counts for a company: the user, or else the device, or else the address. -#}
{% macro identifier_node_of_observation() -%}
    case
        when user_id is not null then 'user_id:' || user_id
        when anonymous_id is not null then 'anonymous_id:' || anonymous_id
        else 'email:' || email
    end
{%- endmacro %}
