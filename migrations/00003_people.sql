-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- Who vouches for people: an OpenID Connect provider. The platform's, not an organisation's: its rules say
-- who becomes what in which organisation.
CREATE TABLE issuers (
    id             uuid PRIMARY KEY,
    name           text NOT NULL UNIQUE,                -- as its button says
    url            text NOT NULL UNIQUE,
    client_id      text NOT NULL,
    client_secret  bytea,                               -- sealed by the secrets room; null for a public client
    scopes         jsonb NOT NULL DEFAULT '[]',         -- beyond openid
    audience       text NOT NULL DEFAULT '',            -- of bearer tokens for programs; empty: none are taken
    algorithms     jsonb NOT NULL DEFAULT '["RS256"]',
    rules          jsonb NOT NULL DEFAULT '[]',         -- []fleet.ClaimRule
    managed        text NOT NULL DEFAULT 'HERE',        -- HERE or SETTINGS: by the environment, at each start
    enabled        boolean NOT NULL DEFAULT true,
    version        bigint NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- A person is one, whatever organisations they work for; tenant_id is where they were first known. Until now
-- that was the only one, and role was what they might do there: see grants.
ALTER TABLE users
    ALTER COLUMN role SET DEFAULT '',
    ADD COLUMN issuer_id      uuid,
    ADD COLUMN subject        text NOT NULL DEFAULT '',
    ADD COLUMN full_name      text NOT NULL DEFAULT '',
    ADD COLUMN email          text NOT NULL DEFAULT '',
    ADD COLUMN platform_admin boolean NOT NULL DEFAULT false,
    ADD COLUMN deactivated_at timestamptz,
    ADD COLUMN last_seen_at   timestamptz;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX users_subject ON users (issuer_id, subject) WHERE issuer_id IS NOT NULL;

-- What somebody may do in an organisation. By hand until it is taken away, by an issuer's rules until the next sign-in.
CREATE TABLE grants (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role        text NOT NULL,
    source      text NOT NULL,                          -- HAND or ISSUER
    granted_by  text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz
);
CREATE INDEX grants_user_id ON grants (user_id, tenant_id);
CREATE INDEX grants_tenant_id ON grants (tenant_id);
INSERT INTO grants (id, tenant_id, user_id, role, source, granted_by)
    SELECT gen_random_uuid(), tenant_id, id, CASE role WHEN 'ADMIN' THEN 'OWNER' ELSE role END, 'HAND', 'NovaCron' FROM users;
-- whoever ran everything goes on doing so
UPDATE users SET platform_admin = true WHERE role = 'ADMIN';

-- A session works for one organisation at a time. It ends when it was idle for too long, and after its time.
ALTER TABLE sessions
    -- squawk-ignore adding-field-with-default
    ADD COLUMN id         uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN tenant_id  uuid,
    ADD COLUMN issuer_id  uuid,                         -- null: signed in with a password
    ADD COLUMN issuer_sid text NOT NULL DEFAULT '',     -- the issuer's own name for it
    ADD COLUMN address    text NOT NULL DEFAULT '',
    ADD COLUMN agent      text NOT NULL DEFAULT '';
UPDATE sessions s SET tenant_id = u.tenant_id FROM users u WHERE u.id = s.user_id;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX sessions_id ON sessions (id);

-- Where a request came from, and what became of it.
ALTER TABLE audit
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN outcome text NOT NULL DEFAULT 'ALLOWED';

-- The wall: people are seen by the organisations that they work for, and changed by the one they belong to.
ALTER TABLE grants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON grants TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
CREATE POLICY house ON grants TO novacron_house USING (true);
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
CREATE POLICY house ON sessions TO novacron_house USING (true);
DROP POLICY tenant ON users;
CREATE POLICY tenant ON users TO novacron_tenant
    USING (tenant_id = (SELECT asking_tenant()) OR id IN (SELECT user_id FROM grants WHERE tenant_id = (SELECT asking_tenant())))
    WITH CHECK (tenant_id = (SELECT asking_tenant()));
GRANT SELECT, INSERT, UPDATE, DELETE ON grants TO novacron_house, novacron_tenant;
GRANT SELECT, UPDATE, DELETE ON sessions TO novacron_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON issuers TO novacron_house;

-- +goose Down

-- squawk-ignore ban-drop-column
ALTER TABLE audit DROP COLUMN outcome, DROP COLUMN address;
DROP POLICY tenant ON sessions;
DROP POLICY house ON sessions;
ALTER TABLE sessions DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON sessions FROM novacron_tenant;
DELETE FROM sessions WHERE tenant_id IS NULL;
-- squawk-ignore ban-drop-column
ALTER TABLE sessions DROP COLUMN agent, DROP COLUMN address, DROP COLUMN issuer_sid, DROP COLUMN issuer_id, DROP COLUMN tenant_id, DROP COLUMN id;
DROP POLICY tenant ON users;
CREATE POLICY tenant ON users TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
-- squawk-ignore ban-drop-column
ALTER TABLE users ALTER COLUMN role DROP DEFAULT, DROP COLUMN last_seen_at, DROP COLUMN deactivated_at, DROP COLUMN platform_admin, DROP COLUMN email,
    DROP COLUMN full_name, DROP COLUMN subject, DROP COLUMN issuer_id;
-- squawk-ignore ban-drop-table
DROP TABLE grants, issuers;
