select n from {{ ref('totals') }} where n < 0
