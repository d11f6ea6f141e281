select
  tenant_id,
  date::date as date,
  ad_id,
  campaign_id,
  parish,
  impressions::bigint as impressions,
  clicks::bigint as clicks,
  spend::numeric as spend,
  conversions::numeric as conversions,
  conversion_value::numeric as conversion_value,
  updated_at::timestamptz as updated_at,
  _airbyte_extracted_at as loaded_at
from {{ tenant_rows('meta_ads', 'insights') }}
