-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- What an organisation permits and forbids on top of what the roles give: Cedar, as its administrators wrote it.
CREATE TABLE policies (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    name        text NOT NULL,
    text        text NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    version     bigint NOT NULL DEFAULT 1,
    changed_by  text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);
ALTER TABLE policies ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policies TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
CREATE POLICY house ON policies TO novacron_house USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON policies TO novacron_house, novacron_tenant;

-- +goose Down

-- squawk-ignore ban-drop-table
DROP TABLE policies;
