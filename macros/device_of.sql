{#- What kind of client a user agent names. Crawlers announce themselves; their events never become signals. -#}
{% macro device_of(user_agent) -%}
    case
        when {{ matches("lower(" ~ user_agent ~ ")", "'(bot|crawler|spider|headless|monitor)'") }} then 'bot'
        when {{ matches("lower(" ~ user_agent ~ ")", "'(iphone|ipad|android|mobile)'") }} then 'mobile'
        when {{ user_agent }} is not null then 'desktop'
    end
{%- endmacro %}
