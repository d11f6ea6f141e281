{#
  The four sections of a dashboard, each a query with one column `metrics`, correlated with `changed` (tenant_id, today,
  first_day, month) and `account` (currency) of models/marts/tenant_dashboard.sql. Figures are those of macros/figures.sql.
  A campaign or ad that is not archived is listed even where it delivered nothing: zero rows are added to its days.
#}

{# One comparable word per tenant for all its rows in a small relation. #}
{% macro known_rows(relation) -%}
  select tenant_id, sum(hashtextextended(known::text, 0)) as known from {{ relation }} as known group by tenant_id
{%- endmacro %}

{% macro _in_window(days) -%}
  {{ days }}.tenant_id = changed.tenant_id and {{ days }}.date between changed.first_day and changed.today
{%- endmacro %}

{% macro _totals() -%}
  {%- for measure in ['spend', 'impressions', 'clicks', 'conversions', 'conversion_value'] %}
  {{ total(measure) }} as {{ measure }}{{ ',' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{% macro campaign_metrics() -%}
  with days as materialized (
    select days.date, days.campaign_id, days.platform, days.spend, days.impressions, days.clicks, days.conversions, days.conversion_value
    from {{ ref('campaign_performance') }} as days
    where {{ _in_window('days') }}
  ),
  known as materialized (
    select * from {{ ref('int_campaigns') }} as campaigns where campaigns.tenant_id = changed.tenant_id
  ),
  campaigns as (
    select campaign_id, min(platform) as platform, {{ _totals() }}
    from (
      select campaign_id, platform, spend, impressions, clicks, conversions, conversion_value from days
      union all
      select campaign_id, platform, 0, 0, 0, 0, 0 from known where status <> 'ARCHIVED'
    ) as delivered
    group by campaign_id
  ),
  places as (
    select campaign_id, jsonb_agg(distinct parish) as parishes
    from (
      select distinct creatives.campaign_id, creatives.parishes
      from {{ ref('creative_performance') }} as creatives
      where {{ _in_window('creatives') }}
    ) as sets
    cross join lateral unnest(sets.parishes) as parish
    group by campaign_id
  )

  select jsonb_build_object(
    'summary', (
      select jsonb_build_object(
        'currency', account.currency,
        'totalSpend', {{ figure('spend') }},
        'totalImpressions', {{ figure('impressions') }},
        'totalClicks', {{ figure('clicks') }},
        'totalConversions', {{ figure('conversions') }},
        'averageRoas', {{ figure(ratio('conversion_value', 'spend')) }}
      )
      from (select {{ _totals() }} from days) as all_days
    ),
    'trend', (
      select jsonb_agg(
        jsonb_build_object(
          'date', date,
          'spend', {{ figure('spend') }},
          'conversions', {{ figure('conversions') }},
          'clicks', {{ figure('clicks') }},
          'impressions', {{ figure('impressions') }}
        )
        order by date
      )
      from (
        select date, {{ _totals() }}
        from (
          select date, spend, impressions, clicks, conversions, conversion_value from days
          union all
          select changed.first_day + back, 0, 0, 0, 0, 0 from generate_series(0, changed.today - changed.first_day) as back
        ) as delivered
        group by date
      ) as each_day
    ),
    'rows', (
      select coalesce(jsonb_agg(
        jsonb_build_object(
          'id', campaigns.campaign_id,
          'name', coalesce(known.name, campaigns.campaign_id),
          'platform', campaigns.platform,
          'status', coalesce(known.status, 'UNKNOWN'),
          'parishes', coalesce(places.parishes, '[]'),
          'objective', coalesce(known.objective, ''),
          'spend', {{ figure('spend') }},
          'impressions', {{ figure('impressions') }},
          'clicks', {{ figure('clicks') }},
          'conversions', {{ figure('conversions') }},
          'roas', {{ figure(ratio('conversion_value', 'spend')) }},
          'ctr', {{ figure(ratio('clicks', 'impressions')) }},
          'cpc', {{ figure(ratio('spend', 'clicks')) }},
          'cpm', {{ figure(ratio('1000 * spend', 'impressions')) }},
          'startDate', coalesce(known.start_date::text, ''),
          'endDate', coalesce(known.end_date::text, '')
        )
        order by spend desc nulls first, campaigns.campaign_id
      ), '[]')
      from campaigns
      left join known using (campaign_id)
      left join places using (campaign_id)
    )
  ) as metrics
{%- endmacro %}

{% macro creative_metrics() -%}
  with days as materialized (
    select creatives.*
    from {{ ref('creative_performance') }} as creatives
    where {{ _in_window('creatives') }}
  ),
  known as materialized (
    select * from {{ ref('int_ads') }} as ads where ads.tenant_id = changed.tenant_id
  ),
  creatives as (
    select ad_id, campaign_id, min(platform) as platform, {{ _totals() }}
    from (
      select ad_id, campaign_id, platform, spend, impressions, clicks, conversions, conversion_value from days
      union all
      select ad_id, campaign_id, platform, 0, 0, 0, 0, 0 from known where status <> 'ARCHIVED'
    ) as delivered
    group by ad_id, campaign_id
  ),
  places as (
    select ad_id, campaign_id, jsonb_agg(distinct parish) as parishes
    from (select distinct ad_id, campaign_id, parishes from days) as sets
    cross join lateral unnest(sets.parishes) as parish
    group by ad_id, campaign_id
  )

  select coalesce(jsonb_agg(
    jsonb_build_object(
      'id', creatives.ad_id,
      'name', coalesce(known.name, creatives.ad_id),
      'campaignId', creatives.campaign_id,
      'campaignName', coalesce(campaigns.name, creatives.campaign_id),
      'platform', creatives.platform,
      'parishes', coalesce(places.parishes, '[]'),
      'spend', {{ figure('spend') }},
      'impressions', {{ figure('impressions') }},
      'clicks', {{ figure('clicks') }},
      'conversions', {{ figure('conversions') }},
      'roas', {{ figure(ratio('conversion_value', 'spend')) }},
      'ctr', {{ figure(ratio('clicks', 'impressions')) }}
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
  select coalesce(jsonb_agg(
    jsonb_build_object(
      'id', pacing.campaign_id,
      'campaignName', coalesce(campaigns.name, pacing.campaign_id),
      'parishes', coalesce(places.parishes, '[]'),
      'monthlyBudget', {{ figure('pacing.monthly_budget') }},
      'spendToDate', {{ figure('pacing.spend_to_date') }},
      'projectedSpend', {{ figure('pacing.projected_spend') }},
      'pacingPercent', {{ figure('pacing.pacing_percent') }},
      'startDate', pacing.month,
      'endDate', pacing.last_day
    )
    order by pacing.monthly_budget desc nulls first, pacing.campaign_id
  ), '[]') as metrics
  from {{ ref('budget_pacing') }} as pacing
  left join (
    select named.campaign_id, named.name from {{ ref('int_campaigns') }} as named where named.tenant_id = changed.tenant_id
  ) as campaigns using (campaign_id)
  left join (
    select campaign_id, jsonb_agg(distinct parish) as parishes
    from (
      select distinct creatives.campaign_id, creatives.parishes
      from {{ ref('creative_performance') }} as creatives
      where creatives.tenant_id = changed.tenant_id and creatives.date between changed.month and changed.today
    ) as sets
    cross join lateral unnest(sets.parishes) as parish
    group by campaign_id
  ) as places using (campaign_id)
  where pacing.tenant_id = changed.tenant_id and pacing.month = changed.month
{%- endmacro %}

{% macro parish_metrics() -%}
  with days as materialized (
    select parishes.*
    from {{ ref('parish_daily') }} as parishes
    where {{ _in_window('parishes') }}
  ),
  counts as (
    select parish, count(distinct campaign_id) as campaign_count
    from (select distinct parish, campaign_ids from days) as sets
    cross join lateral unnest(sets.campaign_ids) as campaign_id
    group by parish
  ),
  parishes as (
    select parish, {{ _totals() }} from days group by parish
  )

  select coalesce(jsonb_agg(
    jsonb_build_object(
      'parish', parishes.parish,
      'spend', {{ figure('spend') }},
      'impressions', {{ figure('impressions') }},
      'clicks', {{ figure('clicks') }},
      'conversions', {{ figure('conversions') }},
      'roas', {{ figure(ratio('conversion_value', 'spend')) }},
      'campaignCount', counts.campaign_count,
      'currency', account.currency
    )
    order by spend desc nulls first, parishes.parish
  ), '[]') as metrics
  from parishes
  join counts using (parish)
{%- endmacro %}
