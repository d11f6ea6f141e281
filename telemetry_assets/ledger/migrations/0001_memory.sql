-- Our memory, first form: who the tenants are, the graph as data, what runs made true, what others reported.
-- Append-only file: a later change is a later revision.

create table telemetry.tenants (
    id       uuid primary key,
    slug     text not null unique,
    name     text not null,
    timezone text not null default 'UTC'
);

create table telemetry.assets (
    key         text primary key,
    kind        text not null,
    parents     text[] not null default '{}',
    clock       text,
    window_warn interval,
    window_fail interval,
    owner       text,
    exposures   text[] not null default '{}',
    tenanted    boolean not null default true
);

-- One row per (asset, tenant): what its newest successful run made true.
-- data_times: {root key: data time incorporated by that run}, ISO-8601 UTC.
create table telemetry.subjects (
    asset       text not null,
    tenant      text not null,
    run_time    timestamptz not null,
    run_id      text not null,
    source      text not null,
    rows        bigint,
    data_times  jsonb not null default '{}',
    synthetic   boolean not null default false,
    recorded_at timestamptz not null default now(),
    primary key (asset, tenant)
);

-- Our copy of Airbyte's jobs, in both modes. ended_at is set on terminal jobs only.
create table telemetry.syncs (
    connection_id uuid not null,
    job_id        bigint not null,
    source        text not null,
    tenant        text not null,
    status        text not null,
    started_at    timestamptz not null,
    updated_at    timestamptz not null,
    ended_at      timestamptz,
    rows_synced   bigint,
    bytes_synced  bigint,
    error         text,
    primary key (connection_id, job_id)
);
create index syncs_newest on telemetry.syncs (tenant, connection_id, started_at desc);

-- One row per dbt invocation we know of: ours as they ran, others' as imported from the target folder.
create table telemetry.dbt_invocations (
    invocation_id    text primary key,
    which            text not null,
    generated_at     timestamptz not null,
    covers_all       boolean not null,
    external         boolean not null default false,
    run_results_path text not null,
    run_id           text,
    results          jsonb not null
);
create index dbt_invocations_newest on telemetry.dbt_invocations (generated_at desc);

-- The last good payload per tenant: what is served.
create table telemetry.snapshots (
    name         text not null,
    tenant       text not null,
    generated_at timestamptz not null,
    payload      jsonb not null,
    data_times   jsonb not null default '{}',
    run_id       text not null,
    primary key (name, tenant)
);

-- A payload that broke its contract, kept for inspection, never served; gone when a good one is published.
create table telemetry.withheld_snapshots (
    name        text not null,
    tenant      text not null,
    withheld_at timestamptz not null,
    payload     jsonb not null,
    violations  jsonb not null,
    run_id      text not null,
    primary key (name, tenant)
);
