-- Delivery on both platforms by day, ad and parish.
{%- set measures = 'impressions, clicks, spend, conversions, conversion_value, loaded_at' %}
select tenant_id, 'meta' as platform, date, 'meta:' || ad_id as ad_id, 'meta:' || campaign_id as campaign_id, parish, {{ measures }}
from {{ ref('stg_meta_ads__insights') }}

union all

select tenant_id, 'google' as platform, date, 'google:' || ad_id as ad_id, 'google:' || campaign_id as campaign_id, parish, {{ measures }}
from {{ ref('stg_google_ads__insights') }}
