-- Our memory, first form: who the tenants are, the graph as data, what runs made true, what others reported.
-- Append-only file once released: a later change is a later revision.
-- Names and keys collate "C": their order is Python's, on every server.

create table telemetry.tenants (
    id       uuid primary key,
    slug     text collate "C" not null unique,
    name     text not null,
    timezone text not null default 'UTC',
    position integer not null default 0
);
comment on table telemetry.tenants is 'Who is judged apart. Tables hold the id, the ledger names tenants by slug.';

create table telemetry.assets (
    key         text collate "C" primary key,
    kind        text not null,
    parents     text[] not null default '{}',
    clock       text,
    window_warn interval,
    window_fail interval,
    owner       text,
    exposures   text[] not null default '{}',
    tenanted    boolean not null default true,
    check (window_warn is null or window_fail is not null)
);
comment on table telemetry.assets is 'The graph as data, replaced whole by the code location.';

create table telemetry.subjects (
    asset       text collate "C" not null,
    tenant      text collate "C" not null,
    run_time    timestamptz not null,
    run_id      text collate "C" not null,
    source      text collate "C" not null,
    rows        bigint,
    data_times  jsonb not null default '{}',
    synthetic   boolean not null default false,
    recorded_at timestamptz not null default now(),
    primary key (asset, tenant)
);
comment on table telemetry.subjects is 'Per (asset, tenant), what its newest successful run made true.';
comment on column telemetry.subjects.data_times is
    '{root key: data time that run incorporated}, ISO-8601 UTC of fixed width: texts sort as instants do.';

-- {key: instant} of both, the later instant where both have the key.
create function telemetry.later_of_each(one jsonb, other jsonb) returns jsonb
language sql immutable strict parallel safe
return one || (
    select coalesce(jsonb_object_agg(key, greatest(value collate "C", one ->> key)), '{}')
    from jsonb_each_text(other)
);

-- Our copy of Airbyte's jobs, in both modes. ended_at is set on terminal jobs only.
create table telemetry.syncs (
    connection_id uuid not null,
    job_id        bigint not null,
    source        text not null,
    tenant        text collate "C" not null,
    status        text not null,
    started_at    timestamptz not null,
    updated_at    timestamptz not null,
    ended_at      timestamptz,
    rows_synced   bigint,
    bytes_synced  bigint,
    error         text,
    primary key (connection_id, job_id)
);
create index syncs_newest_terminal on telemetry.syncs (connection_id, started_at desc, job_id desc)
    where ended_at is not null;
create index syncs_newest_succeeded on telemetry.syncs (connection_id, started_at desc, job_id desc)
    where status = 'succeeded';
create index syncs_recent on telemetry.syncs (tenant, started_at desc, job_id desc);
create index syncs_recent_of_all on telemetry.syncs (started_at desc, job_id desc);

-- One row per dbt invocation we know of: ours as they ran, others' as imported from the target folder.
create table telemetry.dbt_invocations (
    invocation_id    text collate "C" primary key,
    which            text not null,
    generated_at     timestamptz not null,
    covers_all       boolean not null,
    external         boolean not null default false,
    run_results_path text not null,
    run_id           text,
    results          jsonb not null
);
create index dbt_invocations_newest on telemetry.dbt_invocations (generated_at desc, invocation_id desc);

-- The last good payload per tenant: what is served.
create table telemetry.snapshots (
    name         text collate "C" not null,
    tenant       text collate "C" not null,
    generated_at timestamptz not null,
    payload      jsonb not null,
    data_times   jsonb not null default '{}',
    run_id       text not null,
    primary key (name, tenant)
);

-- A payload that broke its contract, kept for inspection, never served; gone when a good one is published.
create table telemetry.withheld_snapshots (
    name        text collate "C" not null,
    tenant      text collate "C" not null,
    withheld_at timestamptz not null,
    payload     jsonb not null,
    violations  jsonb not null,
    run_id      text not null,
    primary key (name, tenant)
);
