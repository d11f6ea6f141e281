select
  tenant_id,
  segments_date::date as date,
  ad_id::text as ad_id,
  campaign_id::text as campaign_id,
  geo_parish as parish,
  impressions::bigint as impressions,
  clicks::bigint as clicks,
  cost_micros::numeric / 1000000 as spend,
  conversions::numeric as conversions,
  conversions_value::numeric as conversion_value,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('google_ads', 'insights') }}
