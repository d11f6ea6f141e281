-- The monthly budgets of both platforms.
select tenant_id, 'meta' as platform, 'meta:' || campaign_id as campaign_id, month, amount, currency
from {{ ref('stg_meta_ads__budgets') }}

union all

select tenant_id, 'google' as platform, 'google:' || campaign_id as campaign_id, month, amount, currency
from {{ ref('stg_google_ads__budgets') }}
