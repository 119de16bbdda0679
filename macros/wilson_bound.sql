{#- A bound of Wilson's 95 % interval (1927) for a rate out of so many; `sign` is - for the lower one, + for the upper. -#}
{% macro wilson_bound(rate, count, sign) -%}
    case
        when {{ count }} > 0 then
            greatest(
                {{ rate }} + 1.9207 / {{ count }}
                {{ sign }} 1.959964 * sqrt({{ rate }} * (1 - {{ rate }}) / {{ count }} + 0.9604 / ({{ count }} * {{ count }})),
                0
            ) / (1 + 3.8415 / {{ count }})
    end
{%- endmacro %}
