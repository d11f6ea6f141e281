{# Google's words for a status in Meta's: ACTIVE, PAUSED, ARCHIVED. #}
{% macro common_status(status) -%}
  case {{ status }} when 'ENABLED' then 'ACTIVE' when 'REMOVED' then 'ARCHIVED' else {{ status }} end
{%- endmacro %}
