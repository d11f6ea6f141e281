{# The figures of the dashboards, each defined once. Six decimals hold every micro of a currency exactly. #}

{# A sum that is null when any addend is: a lost field must be seen (the contract withholds it), never read as 0. #}
{% macro total(addend) -%}
  case when count(*) = count({{ addend }}) then coalesce(sum({{ addend }}), 0) end
{%- endmacro %}

{# A quotient that is 0 where there is nothing to divide by. #}
{% macro ratio(dividend, divisor) -%}
  case when {{ divisor }} = 0 then 0 else ({{ dividend }})::numeric / ({{ divisor }}) end
{%- endmacro %}

{# A quotient as it is published: six decimals, as the sums have. #}
{% macro rounded_ratio(dividend, divisor) -%}
  round({{ ratio(dividend, divisor) }}, 6)
{%- endmacro %}

{# Every parish of a relation's `parishes` (texts of JSON arrays, few and often one) as one JSON array, sorted. #}
{% macro all_places(sets) -%}
  select coalesce(jsonb_agg(distinct parish), '[]') from {{ sets }} cross join lateral jsonb_array_elements_text(parishes::jsonb) as parish
{%- endmacro %}
