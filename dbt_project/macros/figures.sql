{# The figures of the dashboards, each defined once. Six decimals hold every micro of a currency exactly. #}

{# A sum that is null when any addend is: a lost field must be seen (the contract withholds it), never read as 0. #}
{% macro total(addend) -%}
  case when count(*) = count({{ addend }}) then coalesce(sum({{ addend }}), 0) end
{%- endmacro %}

{# A quotient that is 0 where there is nothing to divide by. #}
{% macro ratio(dividend, divisor) -%}
  case when {{ divisor }} = 0 then 0 else ({{ dividend }})::numeric / ({{ divisor }}) end
{%- endmacro %}

{# A number as it is published: at most six decimals, no trailing zeros. #}
{% macro figure(number) -%}
  trim_scale(round(({{ number }})::numeric, 6))
{%- endmacro %}
