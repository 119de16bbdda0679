{#-
    A text in one Unicode form (NFC), without characters that show nothing: control characters, zero-width ones and those that
    turn the direction of writing. Plain ASCII, which nearly every identifier is, passes without a search.
-#}
{% macro visible_text(text) -%}
    {{ return(adapter.dispatch("visible_text")(text)) }}
{%- endmacro %}

{% macro default__visible_text(text) -%}
    case
        when regexp_full_match({{ text }}, '[ -~]*') then {{ text }}
        else regexp_replace(
            nfc_normalize({{ text }}),
            '[\x{0000}-\x{001F}\x{007F}-\x{009F}\x{00AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}]', '', 'g'
        )
    end
{%- endmacro %}

{% macro postgres__visible_text(text) -%}
    case
        when {{ text }} ~ '^[ -~]*$' then {{ text }}
        else regexp_replace(
            normalize({{ text }}, nfc),
            '[\u0001-\u001F\u007F-\u009F\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]', '', 'g'
        )
    end
{%- endmacro %}
