-- Incidents and the telling of them: what is wrong by its cause, what was said of it, what waits to be sent, what was received.

-- One row: who we are to those who receive our messages.
create table telemetry.installation (
    only_one boolean primary key default true check (only_one),
    id       uuid not null default gen_random_uuid()
);
insert into telemetry.installation default values;

create table telemetry.incidents (
    number          bigint primary key,
    kind            text not null,
    place           text collate "C" not null,
    phase           text not null,
    severity        text not null,
    opened_at       timestamptz not null,
    acknowledged_at timestamptz,
    resolved_at     timestamptz,
    details         jsonb not null,
    check ((phase = 'resolved') = (resolved_at is not null))
);
-- By its hash and its beginning: an index takes no name of any length, and a long name must not silence the rest.
create unique index incidents_one_of_a_cause on telemetry.incidents
    (kind, left(place, 100), hashtextextended(place, 0)) where phase <> 'resolved';
create index incidents_resolved on telemetry.incidents (resolved_at desc) where phase = 'resolved';
comment on column telemetry.incidents.place is 'What "kind" is about: a root, a source, a model, a job. With it the identity.';
comment on column telemetry.incidents.details is 'Everything else that is remembered: words, reach, who was told.';

-- Append-only: what happened to an incident.
create table telemetry.timeline (
    incident bigint not null references telemetry.incidents,
    seq      integer not null,
    step     text not null,
    at       timestamptz not null,
    words    text not null,
    actor    text not null default '',
    channels text[] not null default '{}',
    primary key (incident, seq)
);

-- An incident on a channel: one dispatcher at a time holds the lease, so what is said stays in order.
create table telemetry.conversations (
    incident     bigint not null references telemetry.incidents,
    channel      text collate "C" not null,
    refs         jsonb not null default '{}',
    lease        uuid,
    leased_until timestamptz,
    leased_for   interval,
    failures     integer not null default 0,
    retry_at     timestamptz,
    waits        interval,
    primary key (incident, channel)
);
create index conversations_leased on telemetry.conversations (channel) where lease is not null;
create index conversations_failing on telemetry.conversations (channel, failures) where failures > 0;
comment on column telemetry.conversations.refs is 'What the other side calls our messages: to edit one, to answer in its thread.';
comment on column telemetry.conversations.leased_until is 'By the clock of this server, "leased_for" ahead of it; nobody else''s is asked.';
comment on column telemetry.conversations.retry_at is 'By the clock of who tried; "waits" is how far ahead that was then.';

create table telemetry.outbox (
    incident   bigint not null,
    seq        integer not null,
    channel    text collate "C" not null,
    status     text not null default 'pending' check (status in ('pending', 'sent', 'dead')),
    message    jsonb not null,
    written_at timestamptz not null,
    tries      integer not null default 0,
    accepted   text[] not null default '{}',
    ended_at   timestamptz,
    reason     text not null default '',
    primary key (incident, seq, channel),
    foreign key (incident, channel) references telemetry.conversations
);
create index outbox_pending on telemetry.outbox (channel, written_at, incident, seq) where status = 'pending';
create index outbox_dead on telemetry.outbox (ended_at desc) where status = 'dead';
comment on column telemetry.outbox.accepted is 'Of several recipients those that have it already.';

-- The pace of each channel, whoever sends: when the next message may go, how often in a row it failed.
create table telemetry.channels (
    name     text collate "C" primary key,
    next_at  timestamptz not null default '-infinity',
    failures integer not null default 0,
    retry_at timestamptz,
    waits    interval,
    sent_at  timestamptz
);
comment on column telemetry.channels.next_at is 'By the clock of this server. retry_at and waits as in conversations.';

-- Append-only: every attempt and its receipt.
create table telemetry.deliveries (
    id       bigint generated always as identity primary key,
    incident bigint not null,
    channel  text not null,
    seqs     integer[] not null,
    tried_at timestamptz not null,
    took     interval not null,
    outcome  text not null,
    reason   text not null default '',
    receipt  text not null default ''
);
create index deliveries_of on telemetry.deliveries (incident, id);
create index deliveries_recent on telemetry.deliveries (tried_at desc);

create table telemetry.silences (
    id         bigint generated always as identity primary key,
    asset      text not null,
    tenant     text,
    until      timestamptz not null,
    reason     text not null,
    author     text not null,
    created_at timestamptz not null,
    ended_at   timestamptz
);
comment on column telemetry.silences.asset is 'An asset''s key or a pattern; tenant null means all.';
comment on column telemetry.silences.ended_at is 'When somebody ended it before its time.';

-- Who is alive. beat_at is by the clock of this server.
create table telemetry.heartbeats (
    component text collate "C" primary key,
    beat_at   timestamptz not null,
    expected  interval not null,
    note      text not null default ''
);
comment on column telemetry.heartbeats.expected is 'How soon the next beat should come.';

-- The newest evaluation of every asset check we know of, of each partition of it, ours or another location's.
create table telemetry.check_results (
    asset        text collate "C" not null,
    check_name   text collate "C" not null,
    tenant       text collate "C" not null,
    passed       boolean not null,
    severity     text not null,
    evaluated_at timestamptz not null,
    said         text not null default '',
    run_id       text not null,
    location     text not null default '',
    primary key (asset, check_name, tenant)
);
create index check_results_failed on telemetry.check_results (asset) where not passed;

-- The newest ended run of every job we know of.
create table telemetry.job_runs (
    location      text collate "C" not null,
    job           text collate "C" not null,
    run_id        text not null,
    succeeded     boolean not null,
    ended_at      timestamptz not null,
    failing_since timestamptz,
    said          text not null default '',
    assets        text[] not null default '{}',
    primary key (location, job)
);

-- Append-only: who did what.
create table telemetry.audit (
    id       bigint generated always as identity primary key,
    at       timestamptz not null,
    actor    text not null,
    action   text not null,
    resource text not null,
    detail   text not null default ''
);

-- Since when we have known of an asset, or of a tenant: what never came is told when it has had time to come.
create table telemetry.first_known (
    what  text not null check (what in ('asset', 'tenant')),
    name  text collate "C" not null,
    since timestamptz not null default now(),
    primary key (what, name)
);
insert into telemetry.first_known (what, name, since)
select 'asset', key, timestamptz '-infinity' from telemetry.assets
union all select 'tenant', slug, timestamptz '-infinity' from telemetry.tenants;
