{% snapshot orders_history %}
{{ config(schema='history', unique_key='id', strategy='check', check_cols='all') }}
select * from {{ source('erp', 'orders') }}
{% endsnapshot %}
