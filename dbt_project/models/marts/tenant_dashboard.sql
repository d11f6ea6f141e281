-- The metrics of each tenant's dashboard as one JSON document, rebuilt only for tenants whose inputs, whose day or whose
-- definition of the figures changed.
-- Its shape is the contract schemas/assets/snapshots.tenant_dashboard.schema.json.
{%- set sections = campaign_metrics() ~ creative_metrics() ~ budget_metrics() ~ parish_metrics() %}
{%- set definition = local_md5(sections | replace(target.database, ''))[:8] %}
{{
  config(
    materialized='incremental',
    incremental_strategy='changed_rows',
    unique_key='tenant_id',
    on_schema_change='fail',
    post_hook="delete from {{ this }} where tenant_id not in (select tenant_id from {{ ref('stg_telemetry__tenants') }})",
    meta={'telemetry': {'tenant_column': 'tenant_id'}},
  )
}}
with inputs as materialized (
  select
    tenants.tenant_id,
    tenants.today,
    tenants.first_day,
    tenants.month,
    concat_ws(
      ' ',
      '{{ definition }}',
      tenants.today,
      campaigns.known,
      ads.known,
      budgets.known,
      (select max(changed_at) from {{ ref('creative_performance') }} as made where made.tenant_id = tenants.tenant_id),
      (select max(changed_at) from {{ ref('campaign_performance') }} as made where made.tenant_id = tenants.tenant_id),
      (select max(changed_at) from {{ ref('parish_daily') }} as made where made.tenant_id = tenants.tenant_id)
    ) as inputs
  from {{ ref('stg_telemetry__tenants') }} as tenants
  left join ({{ known_rows(ref('int_campaigns')) }}) as campaigns using (tenant_id)
  left join ({{ known_rows(ref('int_ads')) }}) as ads using (tenant_id)
  left join ({{ known_rows(ref('int_budgets')) }}) as budgets using (tenant_id)
),

-- MATERIALIZED, and the payloads LATERAL to it: a mere filter on changed tenants would still build every payload.
changed as materialized (
  select inputs.*
  from inputs
  {%- if is_incremental() %}
  left join {{ this }} as built using (tenant_id)
  where built.inputs is distinct from inputs.inputs
  {%- endif %}
)

select
  changed.tenant_id,
  changed.today as local_date,
  changed.inputs,
  json_build_object(
    'campaign_metrics', campaign.metrics,
    'creative_metrics', creative.metrics,
    'budget_metrics', budget.metrics,
    'parish_metrics', parish.metrics
  )::jsonb as payload,
  now() as changed_at
from changed
cross join lateral (
  select coalesce(max(budgets.currency), 'USD') as currency
  from {{ ref('int_budgets') }} as budgets
  where budgets.tenant_id = changed.tenant_id and budgets.month = changed.month
) as account
cross join lateral ({{ campaign_metrics() }}) as campaign
cross join lateral ({{ creative_metrics() }}) as creative
cross join lateral ({{ budget_metrics() }}) as budget
cross join lateral ({{ parish_metrics() }}) as parish
