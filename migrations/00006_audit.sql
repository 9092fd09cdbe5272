-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

-- The audit log by months, so that what is older than its time goes with its table; and sealed, so that nobody
-- can change or remove a line of it unnoticed, the database's owner included.
-- Whoever comes meanwhile waits for the end of this, and then finds the new table by the old name.
-- squawk-ignore renaming-table
ALTER TABLE audit RENAME TO audit_whole;
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX audit_newest;
CREATE TABLE audit (
    id            bigint GENERATED ALWAYS AS IDENTITY,
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
    detail        jsonb NOT NULL DEFAULT '{}',
    address       text NOT NULL DEFAULT '',
    outcome       text NOT NULL DEFAULT 'ALLOWED',
    -- What is of a person is sealed by this hash alone: with the salt it proves the text, without it nobody can
    -- guess what it was, and the seal holds when the person is forgotten.
    salt          bytea,
    personal      bytea NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_newest ON audit (tenant_id, id DESC);
CREATE INDEX audit_target ON audit (tenant_id, target_id, id DESC) WHERE target_id IS NOT NULL;
CREATE INDEX audit_user ON audit (user_id) WHERE user_id IS NOT NULL;
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
CREATE POLICY house ON audit TO novacron_house USING (true);
GRANT SELECT, INSERT ON audit TO novacron_house, novacron_tenant;

-- audit_personal is the hash of what is of a person in a line: who, from where, and whom it was about.
CREATE FUNCTION audit_personal(salt bytea, actor text, address text, target_type text, target_name text) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(salt || convert_to(concat(octet_length(actor), ':', actor, octet_length(address), ':', address,
        CASE target_type WHEN 'PERSON' THEN concat(octet_length(target_name), ':', target_name) END), 'UTF8'));

-- +goose StatementBegin
CREATE FUNCTION audit_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.personal IS NULL THEN -- a backup brings its own
        NEW.salt := uuid_send(gen_random_uuid());
        NEW.personal := audit_personal(NEW.salt, NEW.actor, NEW.address, NEW.target_type, NEW.target_name);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_line BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_line();

-- What belongs to no month that there is; the log is never refused for want of one.
CREATE TABLE audit_rest PARTITION OF audit DEFAULT;

-- audit_months makes the months that are wanted, the next two included, and removes those that ended longer ago
-- than a year and as many days more as are asked for. It says which it made and removed. The house has no other
-- way to remove a line.
-- +goose StatementBegin
CREATE FUNCTION audit_months(more_days int) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    oldest timestamptz := now() - interval '1 year' - greatest(more_days, 0) * interval '1 day';
    month timestamptz := date_trunc('month', oldest, 'UTC');
    name text;
    lines bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_months'));
    WHILE month < now() + interval '2 months' LOOP
        name := 'audit_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED)', name);
            -- what came before its month was there
            EXECUTE format('WITH moved AS (DELETE FROM audit_rest WHERE at >= %1$L AND at < %2$L RETURNING *) INSERT INTO %3$I SELECT * FROM moved',
                month, month + interval '1 month', name);
            EXECUTE format('ALTER TABLE audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
            RETURN NEXT 'made ' || name;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass
        AND inhrelid::regclass::text ~ '^audit_\d{4}_\d\d$' ORDER BY 1 LOOP
        IF (to_date(substr(name, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC') + interval '1 month' <= oldest THEN
            EXECUTE format('DROP TABLE %I', name);
            RETURN NEXT 'removed ' || name;
        END IF;
    END LOOP;
    DELETE FROM audit_rest WHERE at < oldest;
    GET DIAGNOSTICS lines = ROW_COUNT;
    IF lines > 0 THEN
        RETURN NEXT format('removed %s lines', lines);
    END IF;
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION audit_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_months TO novacron_house;

-- The seals: each holds the hashes of some lines, and the hash of the seal before. Of all organisations together:
-- who keeps the last one elsewhere can prove all.
CREATE TABLE audit_seals (
    n       bigint PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    ids     int8multirange NOT NULL,    -- the lines, in this order
    lines   bigint NOT NULL,
    leaves  bytea NOT NULL,             -- the SHA-256 of each, one after the other
    hash    bytea NOT NULL              -- SHA-256 of the hash before, n and the leaves
);
CREATE INDEX audit_seals_at ON audit_seals (at);
GRANT SELECT, INSERT ON audit_seals TO novacron_house;

-- How far the log has been sent elsewhere.
CREATE TABLE audit_sent (
    sink  text PRIMARY KEY,             -- its address
    n     bigint NOT NULL,              -- the last seal of which it has all lines
    at    timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON audit_sent TO novacron_house;

SELECT audit_months(0);
INSERT INTO audit (id, tenant_id, at, actor, user_id, request_id, action, target_type, target_id, target_name, operation_id, detail, address, outcome)
    OVERRIDING SYSTEM VALUE
    SELECT id, tenant_id, at, actor, user_id, request_id, action, target_type, target_id, target_name, operation_id, detail, address, outcome
    FROM audit_whole ORDER BY id;
SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM audit_whole), false);
-- squawk-ignore ban-drop-table
DROP TABLE audit_whole;

-- +goose Down

CREATE TABLE audit_whole (LIKE audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
INSERT INTO audit_whole SELECT * FROM audit;
-- squawk-ignore ban-drop-table
DROP TABLE audit_sent, audit_seals, audit;
DROP FUNCTION audit_months;
DROP FUNCTION audit_line;
DROP FUNCTION audit_personal;
-- squawk-ignore renaming-table
ALTER TABLE audit_whole RENAME TO audit;
-- squawk-ignore ban-drop-column
ALTER TABLE audit DROP COLUMN salt, DROP COLUMN personal;
ALTER TABLE audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM audit), false);
ALTER TABLE audit ADD PRIMARY KEY (id);
CREATE INDEX audit_newest ON audit (tenant_id, id DESC);
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit TO novacron_tenant USING (tenant_id = (SELECT asking_tenant()));
CREATE POLICY house ON audit TO novacron_house USING (true);
GRANT SELECT, INSERT ON audit TO novacron_house, novacron_tenant;
