-- +goose Up

-- a migration that waits for a lock makes everybody wait behind it
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Who ---------------------------------------------------------------------------------------

CREATE TABLE tenants (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL REFERENCES tenants,
    name           text NOT NULL UNIQUE,
    password_hash  text NOT NULL,
    role           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- Sessions and tokens are found by the SHA-256 of their secret; the secret itself is kept nowhere.
CREATE TABLE sessions (
    hash          bytea PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_user_id ON sessions (user_id);

CREATE TABLE api_tokens (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES tenants,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name          text NOT NULL,
    prefix        text NOT NULL,
    hash          bytea NOT NULL UNIQUE,
    role          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    last_used_at  timestamptz
);
CREATE INDEX api_tokens_user_id ON api_tokens (user_id);

-- Where -------------------------------------------------------------------------------------

CREATE TABLE providers (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL REFERENCES tenants,
    name              text NOT NULL,
    kind              text NOT NULL,
    transport         text NOT NULL DEFAULT '',
    host              text NOT NULL DEFAULT '',
    port              bigint NOT NULL DEFAULT 0,
    username          text NOT NULL DEFAULT '',
    accelerator       text NOT NULL DEFAULT 'AUTO',
    credentials       bytea,                               -- sealed by the secrets room
    settings_version  bigint NOT NULL DEFAULT 1,
    status            text NOT NULL DEFAULT 'CONNECTING',
    status_since      timestamptz NOT NULL DEFAULT now(),
    problem           jsonb,                               -- a fault
    info              jsonb NOT NULL DEFAULT '{}',         -- drivers.Info
    last_seen_at      timestamptz,
    last_sync_at      timestamptz,
    last_sync_ms      bigint,
    refresh_requested_at timestamptz,
    -- which replica reads this provider's inventory, until when; the epoch fences one that overslept
    lease_owner       text NOT NULL DEFAULT '',
    lease_until       timestamptz NOT NULL DEFAULT 'epoch',
    lease_epoch       bigint NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);

CREATE TABLE hypervisor_hosts (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants,
    provider_id     uuid NOT NULL REFERENCES providers ON DELETE CASCADE,
    name            text NOT NULL,
    connection_uri  text NOT NULL,
    status          text NOT NULL DEFAULT 'ACTIVE',
    capabilities    jsonb NOT NULL DEFAULT '{}',           -- drivers.Node
    pools           jsonb NOT NULL DEFAULT '[]',           -- []drivers.Pool
    networks        jsonb NOT NULL DEFAULT '[]',           -- []drivers.Network
    as_of           timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, name)
);

-- What --------------------------------------------------------------------------------------

CREATE TABLE vms (
    id                 uuid PRIMARY KEY,
    tenant_id          uuid NOT NULL REFERENCES tenants,
    provider_id        uuid NOT NULL REFERENCES providers ON DELETE CASCADE,
    host_id            uuid REFERENCES hypervisor_hosts ON DELETE SET NULL,
    ref                text,                               -- the provider's own id; null while PROVISIONING
    name               text NOT NULL,
    -- names sort without regard to case, and the same on every machine; cut, because an index entry has its limits
    name_key           text COLLATE "C" GENERATED ALWAYS AS (lower(left(name, 255))) STORED,
    description        text NOT NULL DEFAULT '',
    management         text NOT NULL DEFAULT 'DISCOVERED',
    observed_status    text NOT NULL DEFAULT 'UNKNOWN',
    intent             text,                               -- where the operation under way is taking it
    status             text GENERATED ALWAYS AS (coalesce(intent, CASE WHEN missing_since IS NULL THEN observed_status ELSE 'UNKNOWN' END)) STORED,
    status_reason      text NOT NULL DEFAULT '',
    provider_state     text NOT NULL DEFAULT '',
    problem            text NOT NULL DEFAULT '',
    operation_id       uuid,                               -- the one under way
    hypervisor_type    text NOT NULL DEFAULT '',
    hypervisor_host    text NOT NULL DEFAULT '',
    hypervisor_config  jsonb NOT NULL DEFAULT '{}',
    vcpus              bigint NOT NULL DEFAULT 0,
    vcpus_max          bigint NOT NULL DEFAULT 0,
    memory_mib         bigint NOT NULL DEFAULT 0,
    memory_wanted_mib  bigint NOT NULL DEFAULT 0,          -- what a running guest is on its way to
    memory_max_mib     bigint NOT NULL DEFAULT 0,
    disks              jsonb NOT NULL DEFAULT '[]',
    nics               jsonb NOT NULL DEFAULT '[]',
    pending            jsonb NOT NULL DEFAULT '[]',
    tags               jsonb NOT NULL DEFAULT '{}',
    addresses          jsonb NOT NULL DEFAULT '[]',        -- last known, for search
    version            bigint NOT NULL DEFAULT 1,
    digest             bigint NOT NULL DEFAULT 0,          -- of what the provider last said: equal means nothing to write
    seen_at            timestamptz NOT NULL DEFAULT now(), -- when it was last read by itself; full lists stamp the provider
    missing_since      timestamptz,
    missing_lists      bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    search_text        text GENERATED ALWAYS AS (lower(
        name || ' ' || description || ' ' || hypervisor_host || ' ' || coalesce(ref, '') || ' ' ||
        id::text || ' ' || addresses::text || ' ' || jsonb_path_query_array(nics, '$[*].mac')::text || ' ' || tags::text)) STORED
);
CREATE UNIQUE INDEX vms_provider_ref ON vms (provider_id, ref);
CREATE INDEX vms_name ON vms (tenant_id, name_key, id);
CREATE INDEX vms_status ON vms (tenant_id, status, id);
CREATE INDEX vms_counts ON vms (tenant_id, provider_id, status) INCLUDE (intent);
CREATE INDEX vms_host ON vms (host_id, status);
CREATE INDEX vms_created ON vms (tenant_id, created_at, id);
CREATE INDEX vms_updated ON vms (tenant_id, updated_at, id);
CREATE INDEX vms_vcpus ON vms (tenant_id, vcpus, id);
CREATE INDEX vms_memory ON vms (tenant_id, memory_mib, id);
CREATE INDEX vms_operation ON vms (operation_id) WHERE operation_id IS NOT NULL;
CREATE INDEX vms_tags ON vms USING gin (tags jsonb_path_ops);
CREATE INDEX vms_search ON vms USING gin (search_text gin_trgm_ops);

CREATE TABLE images (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants,
    provider_id     uuid NOT NULL REFERENCES providers ON DELETE CASCADE,
    name            text NOT NULL,
    pool            text NOT NULL,
    volume          text NOT NULL,
    status          text NOT NULL,
    format          text NOT NULL DEFAULT '',
    capacity_bytes  bigint NOT NULL DEFAULT 0,
    size_bytes      bigint NOT NULL DEFAULT 0,
    os              text NOT NULL DEFAULT '',
    default_user    text NOT NULL DEFAULT '',
    sha256          text NOT NULL DEFAULT '',
    source          text NOT NULL DEFAULT '',
    operation_id    uuid,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, name),
    UNIQUE (provider_id, pool, volume)
);

-- Work --------------------------------------------------------------------------------------

CREATE TABLE operations (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL REFERENCES tenants,
    kind              text NOT NULL,
    status            text NOT NULL DEFAULT 'QUEUED',
    provider_id       uuid,
    parent_id         uuid REFERENCES operations ON DELETE CASCADE,
    waits_for         uuid,                                -- an operation that has to end first
    target_type       text NOT NULL DEFAULT '',            -- VM, IMAGE, PROVIDER or nothing
    target_id         uuid,
    target_name       text NOT NULL DEFAULT '',
    input             jsonb NOT NULL DEFAULT '{}',         -- what was asked; holds no secret
    state             jsonb NOT NULL DEFAULT '{}',         -- what the steps remember
    steps             jsonb NOT NULL DEFAULT '[]',
    progress          double precision,
    note              text NOT NULL DEFAULT '',
    error             jsonb,                               -- a fault
    requested_by      text NOT NULL DEFAULT '',
    user_id           uuid,
    idempotency_key   text,
    cancel_requested  boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    finished_at       timestamptz,
    run_at            timestamptz NOT NULL DEFAULT now(),  -- not before
    lease_owner       text NOT NULL DEFAULT '',
    lease_until       timestamptz NOT NULL DEFAULT 'epoch',
    lease_epoch       bigint NOT NULL DEFAULT 0,           -- the fencing token: grows with each lease
    updated_at        timestamptz NOT NULL DEFAULT now()
);
-- One VM has one active operation. STUCK counts: nobody may build on what it left.
CREATE UNIQUE INDEX operations_one_active ON operations (target_id)
    WHERE target_id IS NOT NULL AND waits_for IS NULL AND status IN ('QUEUED', 'RUNNING', 'WAITING', 'UNDOING', 'STUCK');
-- What has begun is little, what waits in the queue may be much: they are looked for apart.
CREATE INDEX operations_begun ON operations (run_at) WHERE status IN ('RUNNING', 'WAITING', 'UNDOING');
CREATE INDEX operations_queued ON operations (provider_id, run_at, id) WHERE status = 'QUEUED' AND waits_for IS NULL;
CREATE INDEX operations_newest ON operations (tenant_id, id DESC);
CREATE INDEX operations_target ON operations (target_id, id DESC);
CREATE INDEX operations_provider ON operations (provider_id, id DESC);
CREATE INDEX operations_parent ON operations (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX operations_idempotency ON operations (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The ordered log that subscriptions, SSE and webhooks read. Readers take rows below the oldest
-- running transaction, in the order (txid, seq): what they see then can no longer change.
CREATE TABLE events (
    txid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id    uuid NOT NULL,
    topic        text NOT NULL,                            -- vm, operation, provider, image
    kind         text NOT NULL,                            -- ADDED, UPDATED, REMOVED
    subject_id   uuid NOT NULL,
    provider_id  uuid,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (txid, seq)
);
CREATE INDEX events_at ON events (at);

-- Up to where the log has been purged: who comes with an earlier cursor has missed something.
CREATE TABLE event_floor (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    txid  xid8 NOT NULL DEFAULT '0',
    seq   bigint NOT NULL DEFAULT 0
);
INSERT INTO event_floor DEFAULT VALUES;

-- Who did what. Written in the transaction of the deed: no row, no deed.
CREATE TABLE audit (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    actor         text NOT NULL,
    user_id       uuid,
    request_id    text NOT NULL DEFAULT '',
    action        text NOT NULL,
    target_type   text NOT NULL DEFAULT '',
    target_id     uuid,
    target_name   text NOT NULL DEFAULT '',
    operation_id  uuid,
    detail        jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_newest ON audit (tenant_id, id DESC);

-- Good for one use: a console, an upload. Found by the SHA-256 of their secret, by any replica.
CREATE TABLE tickets (
    hash        bytea PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    user_id     uuid,
    purpose     text NOT NULL,                             -- console, upload
    payload     jsonb NOT NULL,
    expires_at  timestamptz NOT NULL
);

-- +goose Down

-- squawk-ignore ban-drop-table
DROP TABLE tickets, audit, event_floor, events, operations, images, vms, hypervisor_hosts, providers, api_tokens, sessions, users, tenants;
