{# The instant this build is for: the clock, or `vars.now`. #}
{% macro instant_now() -%}
  {%- if var('now') -%} timestamptz '{{ var("now") }}' {%- else -%} now() {%- endif -%}
{%- endmacro %}
