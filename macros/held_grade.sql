{#-
    The grade that an account gets, given the one it had, so that it does not flap. It rises at once, save that soon after a fall
    its score has to be twice the margin above the border: with once, 2.7 % of the changes of simulated accounts are undone within
    a week, so 0.7 %. It falls when its score is beyond the margin below the border and it
    held the grade for long enough, or when it is no longer sure enough who the account is. `minimum` and `minimum_confidence`
    are those of the grade it had, `next_minimum` that of the one above, `fell_from` the grade before it.
-#}
{% macro held_grade(earned, previous, fell_from, score, minimum, next_minimum, confidence, minimum_confidence, days_held, margin, minimum_days) -%}
    case
        when {{ previous }} is null then {{ earned }}
        when
            {{ earned }} < {{ previous }} and {{ fell_from }} < {{ previous }} and {{ score }} < {{ next_minimum }} + 2 * {{ margin }}
            and {{ days_held }} between 0 and {{ minimum_days }}
            then {{ previous }}
        when {{ earned }} <= {{ previous }} then {{ earned }}
        when {{ confidence }} < {{ minimum_confidence }} then {{ earned }}
        when {{ score }} >= {{ minimum }} - {{ margin }} then {{ previous }}
        when {{ days_held }} between 0 and {{ minimum_days }} then {{ previous }}
        else {{ earned }}
    end
{%- endmacro %}
