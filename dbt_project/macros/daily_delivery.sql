{#
  The query of a mart of daily delivery: the measures of int_insights by tenant, platform, day and `keys`. With `places`, also
  the set of parishes as the text of a sorted JSON array: equal sets are equal texts, which compare fast. Incrementally, only
  touched days.
#}
{% macro daily_delivery(keys, places=false) -%}
  {%- set grain = ['tenant_id', 'platform', 'date'] + keys -%}
  {%- if is_incremental() %}
  with
    {{ touched_days(ref('int_insights')) }}
  {%- endif %}

  select
    {%- for column in grain %}
    insights.{{ column }},
    {%- endfor %}
    {%- if places %}
    array_to_json(array_agg(distinct insights.parish))::text as parishes,
    {%- endif %}
    ({{ total('insights.impressions') }})::bigint as impressions,
    ({{ total('insights.clicks') }})::bigint as clicks,
    ({{ total('insights.spend') }})::numeric(38, 6) as spend,
    ({{ total('insights.conversions') }})::numeric(38, 6) as conversions,
    ({{ total('insights.conversion_value') }})::numeric(38, 6) as conversion_value,
    max(insights.loaded_at) as loaded_at,
    now() as changed_at
  from {{ ref('int_insights') }} as insights
  {%- if is_incremental() %}
  join touched using (tenant_id, platform, date)
  {%- endif %}
  where insights.tenant_id in (select tenant_id from {{ ref('stg_telemetry__tenants') }})
  group by {% for column in grain %}insights.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
  order by insights.tenant_id, insights.date -- a tenant's rows lie together: its dashboard reads them together
{%- endmacro %}
