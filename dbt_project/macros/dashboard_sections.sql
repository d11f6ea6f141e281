{#
  The four sections of a dashboard, each a query with one column `metrics`, correlated with `changed` (tenant_id, today,
  first_day, month) and `account` (currency) of models/marts/tenant_dashboard.sql. The campaigns' has a second, `reach`: how many
  campaigns each parish saw, which the parishes' reads. Figures are those of macros/figures.sql.

  Each reads its mart once and sums at once by the set of parishes, of which there are few: what follows works on a handful of
  rows. The parts are json, which is put together faster than jsonb. Zero rows are added for what is not archived, so it is listed even where it delivered nothing.
#}

{# One comparable word per tenant for all its rows in a small relation. #}
{% macro known_rows(relation) -%}
  select tenant_id, sum(hashtextextended(known::text, 0)) as known from {{ relation }} as known group by tenant_id
{%- endmacro %}

{# `date between`, written so that the planner does not take the range for a row or two: it would sort where it should hash. #}
{% macro days_of(days, tenant, first, last) -%}
  {{ days }}.tenant_id = {{ tenant }} and {{ days }}.date >= {{ first }} and ({{ days }}.tenant_id, {{ days }}.date) <= ({{ tenant }}, {{ last }})
{%- endmacro %}

{% macro _in_window(days) -%}
  {{ days_of(days, 'changed.tenant_id', 'changed.first_day', 'changed.today') }}
{%- endmacro %}

{% macro _totals() -%}
  {%- for measure in ['spend', 'impressions', 'clicks', 'conversions', 'conversion_value'] %}
  {{ total(measure) }} as {{ measure }}{{ ',' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{% macro _nothing() -%}
  0::numeric as spend, 0 as impressions, 0 as clicks, 0::numeric as conversions, 0::numeric as conversion_value
{%- endmacro %}

{% macro _delivered() -%}
  'spend', spend,
  'impressions', impressions,
  'clicks', clicks,
  'conversions', conversions
{%- endmacro %}

{# Mostly all days of one thing have one set of parishes: then it is at hand, and only the others' sets are united. #}
{% macro _places_of_few() -%}
  case when min(parishes) = max(parishes) then min(parishes)::jsonb end as only_places
{%- endmacro %}

{% macro _places_of_many(delivered, things, keys) -%}
  select {% for key in keys %}sets.{{ key }}, {% endfor %}jsonb_agg(distinct parish) as parishes
  from {{ delivered }} as sets
  join {{ things }} as things using ({{ keys | join(', ') }})
  cross join lateral jsonb_array_elements_text(sets.parishes::jsonb) as parish
  where things.only_places is null
  group by {% for key in keys %}sets.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro campaign_metrics() -%}
  with known as (
    select campaigns.campaign_id, campaigns.platform, campaigns.name, campaigns.status, campaigns.objective,
      campaigns.start_date, campaigns.end_date
    from {{ ref('int_campaigns') }} as campaigns
    where campaigns.tenant_id = changed.tenant_id
  ),

  delivered as (
    select campaign_id, platform, parishes, {{ _totals() }}
    from {{ ref('campaign_performance') }} as days
    where {{ _in_window('days') }}
    group by campaign_id, platform, parishes
    union all
    select campaign_id, platform, null, {{ _nothing() }} from known where status <> 'ARCHIVED'
  ),

  campaigns as (
    select campaign_id, min(platform) as platform, {{ _places_of_few() }}, {{ _totals() }} from delivered group by campaign_id
  ),

  places as ({{ _places_of_many('delivered', 'campaigns', ['campaign_id']) }}),

  each_day as (
    select date, {{ _totals() }}
    from (
      select days.date, days.spend, days.impressions, days.clicks, days.conversions, days.conversion_value
      from {{ ref('campaign_performance') }} as days
      where {{ _in_window('days') }}
      union all
      select changed.first_day + back, {{ _nothing() }} from generate_series(0, changed.today - changed.first_day) as back
    ) as days
    group by date
  )

  select json_build_object(
    'summary', (
      select json_build_object(
        'currency', account.currency,
        'totalSpend', spend,
        'totalImpressions', impressions,
        'totalClicks', clicks,
        'totalConversions', conversions,
        'averageRoas', {{ rounded_ratio('conversion_value', 'spend') }}
      )
      from (select {{ _totals() }} from each_day) as all_days
    ),
    'trend', (select json_agg(json_build_object('date', date, {{ _delivered() }}) order by date) from each_day),
    'rows', (
      select coalesce(json_agg(
        json_build_object(
          'id', campaigns.campaign_id,
          'name', coalesce(known.name, campaigns.campaign_id),
          'platform', campaigns.platform,
          'status', coalesce(known.status, 'UNKNOWN'),
          'parishes', coalesce(places.parishes, campaigns.only_places, '[]'),
          'objective', coalesce(known.objective, ''),
          {{ _delivered() }},
          'roas', {{ rounded_ratio('conversion_value', 'spend') }},
          'ctr', {{ rounded_ratio('clicks', 'impressions') }},
          'cpc', {{ rounded_ratio('spend', 'clicks') }},
          'cpm', {{ rounded_ratio('1000 * spend', 'impressions') }},
          'startDate', coalesce(known.start_date::text, ''),
          'endDate', coalesce(known.end_date::text, '')
        )
        order by spend desc nulls first, campaigns.campaign_id
      ), '[]')
      from campaigns
      left join known on known.campaign_id = campaigns.campaign_id
      left join places on places.campaign_id = campaigns.campaign_id
    )
  ) as metrics,
  (
    select jsonb_object_agg(parish, counted)
    from (
      select parish, count(*) as counted
      from campaigns
      left join places on places.campaign_id = campaigns.campaign_id
      cross join lateral jsonb_array_elements_text(coalesce(places.parishes, campaigns.only_places)) as parish
      group by parish
    ) as reached
  ) as reach
{%- endmacro %}

{% macro creative_metrics() -%}
  with known as (
    select ads.ad_id, ads.campaign_id, ads.platform, ads.name, ads.status
    from {{ ref('int_ads') }} as ads
    where ads.tenant_id = changed.tenant_id
  ),

  delivered as (
    select ad_id, campaign_id, platform, parishes, {{ _totals() }}
    from {{ ref('creative_performance') }} as days
    where {{ _in_window('days') }}
    group by ad_id, campaign_id, platform, parishes
    union all
    select ad_id, campaign_id, platform, null, {{ _nothing() }} from known where status <> 'ARCHIVED'
  ),

  creatives as (
    select ad_id, campaign_id, min(platform) as platform, {{ _places_of_few() }}, {{ _totals() }}
    from delivered
    group by ad_id, campaign_id
  ),

  places as ({{ _places_of_many('delivered', 'creatives', ['ad_id', 'campaign_id']) }})

  select coalesce(json_agg(
    json_build_object(
      'id', creatives.ad_id,
      'name', coalesce(known.name, creatives.ad_id),
      'campaignId', creatives.campaign_id,
      'campaignName', coalesce(campaigns.name, creatives.campaign_id),
      'platform', creatives.platform,
      'parishes', coalesce(places.parishes, creatives.only_places, '[]'),
      {{ _delivered() }},
      'roas', {{ rounded_ratio('conversion_value', 'spend') }},
      'ctr', {{ rounded_ratio('clicks', 'impressions') }}
    )
    order by spend desc nulls first, creatives.ad_id, creatives.campaign_id
  ), '[]') as metrics
  from creatives
  left join known on known.ad_id = creatives.ad_id
  left join places on places.ad_id = creatives.ad_id and places.campaign_id = creatives.campaign_id
  left join (
    select named.campaign_id, named.name from {{ ref('int_campaigns') }} as named where named.tenant_id = changed.tenant_id
  ) as campaigns on campaigns.campaign_id = creatives.campaign_id
{%- endmacro %}

{% macro budget_metrics() -%}
  select coalesce(json_agg(
    json_build_object(
      'id', pacing.campaign_id,
      'campaignName', coalesce(campaigns.name, pacing.campaign_id),
      'parishes', pacing.parishes,
      'monthlyBudget', pacing.monthly_budget,
      'spendToDate', pacing.spend_to_date,
      'projectedSpend', pacing.projected_spend,
      'pacingPercent', pacing.pacing_percent,
      'startDate', pacing.month,
      'endDate', pacing.last_day
    )
    order by pacing.monthly_budget desc nulls first, pacing.campaign_id
  ), '[]') as metrics
  from {{ ref('budget_pacing') }} as pacing
  left join (
    select named.campaign_id, named.name from {{ ref('int_campaigns') }} as named where named.tenant_id = changed.tenant_id
  ) as campaigns on campaigns.campaign_id = pacing.campaign_id
  where pacing.tenant_id = changed.tenant_id and pacing.month = changed.month
{%- endmacro %}

{% macro parish_metrics() -%}
  select coalesce(json_agg(
    json_build_object(
      'parish', parishes.parish,
      {{ _delivered() }},
      'roas', {{ rounded_ratio('conversion_value', 'spend') }},
      'campaignCount', coalesce((campaign.reach ->> parishes.parish)::integer, 0),
      'currency', account.currency
    )
    order by spend desc nulls first, parishes.parish
  ), '[]') as metrics
  from (
    select days.parish, {{ _totals() }}
    from {{ ref('parish_daily') }} as days
    where {{ _in_window('days') }}
    group by days.parish
  ) as parishes
{%- endmacro %}
