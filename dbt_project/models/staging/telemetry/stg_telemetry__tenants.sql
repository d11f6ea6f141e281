-- The tenants with the days their dashboards speak of, each in the tenant's own time zone.
with local_days as (
  select
    id as tenant_id,
    slug,
    timezone,
    ({{ instant_now() }} at time zone timezone)::date as today
  from {{ source('telemetry', 'tenants') }}
)

select
  tenant_id,
  slug,
  timezone,
  today,
  today - ({{ var('dashboard_days') }} - 1) as first_day,
  date_trunc('month', today)::date as month,
  extract(day from today)::integer as day_of_month
from local_days
