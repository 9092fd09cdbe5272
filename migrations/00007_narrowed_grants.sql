-- +goose Up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

-- On what a grant counts: fleet.Narrow. Null: on everything of the organisation.
ALTER TABLE grants ADD COLUMN narrowed jsonb;

-- +goose Down

DELETE FROM grants WHERE narrowed IS NOT NULL;
-- squawk-ignore ban-drop-column
ALTER TABLE grants DROP COLUMN narrowed;
