-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- The second wall between organisations. The first is each statement's own condition; this one stands in
-- Postgres: a request works as novacron_tenant, which sees and writes the rows of the one tenant that its
-- connection names, whatever a statement forgets. The house's own work is done as novacron_house. Neither
-- owns anything, and neither may change or remove what the audit log says.

-- +goose StatementBegin
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['novacron_house', 'novacron_tenant'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles belong to the whole server: another database of ours has made it, perhaps this moment
        END;
        IF NOT pg_has_role(current_user, role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role);
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- asking_tenant is for whom the connection works; null, which no row has, when nobody has said it.
CREATE FUNCTION asking_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('novacron.tenant', true), '')::uuid;

-- +goose StatementBegin
DO $$
DECLARE
    name text;
    owner text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'users', 'api_tokens', 'providers', 'hypervisor_hosts', 'vms', 'images', 'operations',
        'events', 'audit', 'tickets'] LOOP
        owner := CASE name WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        -- a SELECT of its own: evaluated once a statement, not once a row
        EXECUTE format('CREATE POLICY tenant ON %I TO novacron_tenant USING (%I = (SELECT asking_tenant()))', name, owner);
        EXECUTE format('CREATE POLICY house ON %I TO novacron_house USING (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO novacron_house, novacron_tenant', name);
        IF name <> 'audit' THEN
            EXECUTE format('GRANT UPDATE, DELETE ON %I TO novacron_house, novacron_tenant', name);
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Of no tenant: the house's alone.
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, event_floor TO novacron_house;
GRANT SELECT ON event_floor TO novacron_tenant;

-- vms_matching finds the VMs whose text has all of the patterns, and whose tags all of the pairs and keys: at
-- most so many. Behind the wall Postgres may not use the indexes that this needs, since LIKE and @> could
-- tell of rows that they are shown; here they are shown none but the asking tenant's. The house alone may
-- say whose VMs it means: null for everybody's.
-- +goose StatementBegin
CREATE FUNCTION vms_matching(tenant uuid, patterns text[], pairs text[], keys text[], most bigint) RETURNS SETOF uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    query text := 'SELECT id FROM vms WHERE true';
    one text;
BEGIN
    IF current_setting('role') <> 'novacron_house' THEN
        query := query || format(' AND tenant_id = %L', asking_tenant());
    ELSIF tenant IS NOT NULL THEN
        query := query || format(' AND tenant_id = %L', tenant);
    END IF;
    FOREACH one IN ARRAY patterns LOOP
        query := query || format(' AND search_text LIKE lower(%L)', one);
    END LOOP;
    FOREACH one IN ARRAY pairs LOOP
        query := query || format(' AND tags @> %L::jsonb', one);
    END LOOP;
    FOREACH one IN ARRAY keys LOOP
        query := query || format(' AND jsonb_exists(tags, %L)', one);
    END LOOP;
    RETURN QUERY EXECUTE query || format(' LIMIT %s', most);
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION vms_matching FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vms_matching TO novacron_house, novacron_tenant;

-- +goose Down

DROP FUNCTION vms_matching;
-- +goose StatementBegin
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'users', 'api_tokens', 'providers', 'hypervisor_hosts', 'vms', 'images', 'operations',
        'events', 'audit', 'tickets'] LOOP
        EXECUTE format('DROP POLICY tenant ON %I', name);
        EXECUTE format('DROP POLICY house ON %I', name);
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON %I FROM novacron_house, novacron_tenant', name);
    END LOOP;
END
$$;
-- +goose StatementEnd
REVOKE ALL ON sessions, event_floor FROM novacron_house, novacron_tenant;
DROP FUNCTION asking_tenant();
