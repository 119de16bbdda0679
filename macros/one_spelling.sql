{#-
    A host name in one spelling: composed letters, and plain letters, digits and dots for those of East Asian width.
    Lower case is host_of's; xn-- labels are decoded in `punycode_labels`.
-#}
{% macro one_spelling(host) -%}
    {{ return(adapter.dispatch("one_spelling")(host)) }}
{%- endmacro %}

{% macro plain_width(text) -%}
    translate({{ text }}, 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９－．。｡', 'abcdefghijklmnopqrstuvwxyz0123456789-...')
{%- endmacro %}

{% macro default__one_spelling(host) -%}
    nfc_normalize({{ plain_width(host) }})
{%- endmacro %}

{% macro postgres__one_spelling(host) -%}
    normalize({{ plain_width(host) }}, NFC)
{%- endmacro %}
