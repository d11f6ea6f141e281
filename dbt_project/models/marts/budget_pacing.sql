-- How each monthly budget is being spent, up to the tenant's today. A view, because every new day moves it.
{{ config(materialized='view', meta={'telemetry': {'tenant_column': 'tenant_id'}}) }}

with budgets as (
  select
    budgets.tenant_id,
    budgets.platform,
    budgets.campaign_id,
    budgets.month,
    (budgets.month + interval '1 month' - interval '1 day')::date as last_day,
    budgets.amount,
    budgets.currency,
    tenants.today
  from {{ ref('int_budgets') }} as budgets
  join {{ ref('stg_telemetry__tenants') }} as tenants using (tenant_id)
),

elapsed as (
  select
    budgets.*,
    last_day - month + 1 as days_in_month,
    greatest(0, least(last_day, today) - month + 1) as days_elapsed
  from budgets
)

select
  elapsed.tenant_id,
  elapsed.platform,
  elapsed.campaign_id,
  elapsed.month,
  elapsed.last_day,
  elapsed.currency,
  spent.parishes,
  elapsed.days_elapsed,
  elapsed.days_in_month,
  elapsed.amount::numeric(38, 6) as monthly_budget,
  spent.spend_to_date::numeric(38, 6) as spend_to_date,
  ({{ ratio('spent.spend_to_date * elapsed.days_in_month', 'elapsed.days_elapsed') }})::numeric(38, 6) as projected_spend,
  (
    {{ ratio('100 * spent.spend_to_date * elapsed.days_in_month', '(elapsed.amount * elapsed.days_elapsed)') }}
  )::numeric(38, 6) as pacing_percent
from elapsed
cross join lateral (
  with sets as (
    select days.parishes, {{ total('days.spend') }} as spend
    from {{ ref('campaign_performance') }} as days
    where {{ days_of('days', 'elapsed.tenant_id', 'elapsed.month', 'least(elapsed.last_day, elapsed.today)') }}
      and days.campaign_id = elapsed.campaign_id
    group by days.parishes
  )

  select
    {{ total('sets.spend') }} as spend_to_date,
    case
      when min(sets.parishes) = max(sets.parishes) then min(sets.parishes)::jsonb
      else ({{ all_places('sets') }})
    end as parishes
  from sets
) as spent
