-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '10min';

-- How much an organisation may have: fleet.Limits. What is not in it has no limit.
ALTER TABLE tenants ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';

-- What of it a VM takes, now or after its next start, whichever is more: written with what it is derived from.
ALTER TABLE vms
    ADD COLUMN quota_vcpus       bigint NOT NULL DEFAULT 0,
    ADD COLUMN quota_memory_mib  bigint NOT NULL DEFAULT 0,
    ADD COLUMN quota_disk_mib    bigint NOT NULL DEFAULT 0,
    ADD COLUMN snapshots         bigint NOT NULL DEFAULT 0; -- as many as it had when they were last counted

-- What its VM takes when the operation is done: fleet.Amount. Counted until the operation has ended.
ALTER TABLE operations ADD COLUMN amount jsonb;

UPDATE vms SET
    quota_vcpus = greatest(vcpus, (SELECT max((p ->> 'next')::bigint) FROM jsonb_array_elements(pending) p WHERE p ->> 'field' = 'vcpus')),
    quota_memory_mib = greatest(memory_mib, memory_wanted_mib, (SELECT max((p ->> 'next')::bigint) FROM jsonb_array_elements(pending) p WHERE p ->> 'field' = 'memoryMiB')),
    quota_disk_mib = coalesce((SELECT sum(((d ->> 'capacityBytes')::bigint + 1048575) / 1048576) FROM jsonb_array_elements(disks) d
        WHERE d ->> 'device' = 'disk' AND NOT (d ->> 'seed')::boolean AND NOT (d ->> 'readOnly')::boolean), 0);

-- All of an organisation's managed VMs are added up when one of them is to take more.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX vms_quota ON vms (tenant_id) INCLUDE (quota_vcpus, quota_memory_mib, quota_disk_mib, snapshots, operation_id) WHERE management = 'MANAGED';

-- +goose Down

DROP INDEX vms_quota;
-- squawk-ignore ban-drop-column
ALTER TABLE operations DROP COLUMN amount;
-- squawk-ignore ban-drop-column
ALTER TABLE vms DROP COLUMN quota_vcpus, DROP COLUMN quota_memory_mib, DROP COLUMN quota_disk_mib, DROP COLUMN snapshots;
-- squawk-ignore ban-drop-column
ALTER TABLE tenants DROP COLUMN limits;
