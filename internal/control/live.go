package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
)

// Live details are asked of the provider, now: they are in no table.

// Snapshots are a VM's, parents before children.
func (c *Control) Snapshots(ctx context.Context, vm uuid.UUID) ([]drivers.Snapshot, error) {
	return nil, unbuilt()
}

// Document is a VM's own document at its provider, credentials removed.
func (c *Control) Document(ctx context.Context, vm uuid.UUID) (string, error) {
	return "", unbuilt()
}

// Volumes are those of one pool of a provider.
func (c *Control) Volumes(ctx context.Context, provider uuid.UUID, pool string) ([]drivers.Volume, error) {
	return nil, unbuilt()
}

// Samples are the usage counters of many VMs of one provider, in one call.
func (c *Control) Samples(ctx context.Context, provider uuid.UUID, refs []drivers.Ref) (map[drivers.Ref]drivers.Sample, error) {
	return nil, unbuilt()
}

// Guests is what many guests of one provider say of themselves, in one call.
func (c *Control) Guests(ctx context.Context, provider uuid.UUID, refs []drivers.Ref) (map[drivers.Ref]drivers.Guest, error) {
	return nil, unbuilt()
}
