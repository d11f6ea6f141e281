-- What was delivered in each parish on each day, and by which campaigns.
{{
  config(
    materialized='incremental',
    incremental_strategy='changed_rows',
    unique_key=['tenant_id', 'date', 'platform', 'parish'],
    on_schema_change='fail',
    indexes=[{'columns': ['tenant_id', 'platform', 'loaded_at']}, {'columns': ['tenant_id', 'changed_at']}],
    meta={
      'replaces': ['tenant_id', 'platform', 'date'],
      'telemetry': {'tenant_column': 'tenant_id', 'time_column': 'loaded_at'},
    },
  )
}}
{%- if is_incremental() %}
with
  {{ touched_days(ref('int_insights')) }}
{%- endif %}

select
  insights.tenant_id,
  insights.platform,
  insights.date,
  insights.parish,
  array_agg(distinct insights.campaign_id) as campaign_ids,
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
group by insights.tenant_id, insights.platform, insights.date, insights.parish
