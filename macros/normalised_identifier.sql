{#-
    An identifier as it is compared: without blanks around it and invisible characters, in one Unicode form (NFC), and by its
    type's `normalisation`: exact, lower, digits (a phone number without its punctuation) or email. Null where nothing is left.
    One of more than 512 characters is kept as its beginning and hash: it is refused anyway, and a megabyte is no key to join on.

    Both arguments are expressions, so the rule travels as data.
-#}
{% macro normalised_identifier(identifier, normalisation) -%}
    {%- set visible = "nullif(trim(" ~ visible_text(identifier) ~ "), '')" -%}
    case
        when length({{ visible }}) > 512
            then '{{ overlong_prefix() }}' || substr({{ visible }}, 1, 64) || ' ' || md5({{ visible }})
        when {{ normalisation }} = 'email' then {{ normalised_address("lower(" ~ visible ~ ")") }}
        when {{ normalisation }} = 'lower' then lower({{ visible }})
        when {{ normalisation }} = 'digits' then nullif(regexp_replace({{ visible }}, '[^0-9]', '', 'g'), '')
        else {{ visible }}
    end
{%- endmacro %}


{% macro overlong_prefix() -%}
    longer than 512 characters:
{%- endmacro %}


{#- What stands behind a plus, and dots, are dropped only where `mailbox_rules` says that the provider ignores them. -#}
{% macro normalised_address(address) -%}
    {%- set mailbox = "split_part(split_part(" ~ address ~ ", '@', 1), '+', 1)" -%}
    {%- set domain = "split_part(" ~ address ~ ", '@', 2)" -%}
    case
        when {{ domain }} in (select mailbox_rules.domain from {{ ref("mailbox_rules") }} as mailbox_rules)
            then
                case
                    when {{ domain }} in (
                        select mailbox_rules.domain from {{ ref("mailbox_rules") }} as mailbox_rules where mailbox_rules.ignores_dots
                    )
                        then replace({{ mailbox }}, '.', '')
                    else {{ mailbox }}
                end
                || '@'
                || (
                    select mailbox_rules.same_as from {{ ref("mailbox_rules") }} as mailbox_rules where mailbox_rules.domain = {{ domain }}
                )
        else {{ address }}
    end
{%- endmacro %}
