-- What each campaign delivered on each day: its ads together.
{{
  config(
    materialized='incremental',
    incremental_strategy='changed_rows',
    unique_key=['tenant_id', 'date', 'campaign_id'],
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
  {{ touched_days(ref('creative_performance')) }}
{%- endif %}

select
  creatives.tenant_id,
  creatives.platform,
  creatives.date,
  creatives.campaign_id,
  ({{ total('creatives.impressions') }})::bigint as impressions,
  ({{ total('creatives.clicks') }})::bigint as clicks,
  ({{ total('creatives.spend') }})::numeric(38, 6) as spend,
  ({{ total('creatives.conversions') }})::numeric(38, 6) as conversions,
  ({{ total('creatives.conversion_value') }})::numeric(38, 6) as conversion_value,
  max(creatives.loaded_at) as loaded_at,
  now() as changed_at
from {{ ref('creative_performance') }} as creatives
{%- if is_incremental() %}
join touched using (tenant_id, platform, date)
{%- endif %}
where creatives.tenant_id in (select tenant_id from {{ ref('stg_telemetry__tenants') }})
group by creatives.tenant_id, creatives.platform, creatives.date, creatives.campaign_id
