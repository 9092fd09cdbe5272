package control

import (
	"context"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// ProviderTest is what a connection test found. Of Problem and Found exactly one is set.
type ProviderTest struct {
	Problem *fault.Error
	Found   *FoundProvider
}

// FoundProvider is what answered a connection test.
type FoundProvider struct {
	Name       string
	Version    string
	Encryption string
	CPUs       int
	MemoryMiB  int64
	VMCount    int
	Warnings   []string
}

// TestProvider tries a connection without keeping it. Its error is about the request (who may, which
// field is wrong in itself); that nothing answers is a result, in ProviderTest.Problem.
func (c *Control) TestProvider(ctx context.Context, n fleet.NewProvider) (ProviderTest, error) {
	return ProviderTest{}, unbuilt()
}

// AddProvider keeps a connection. It need not answer at this moment: its status tells.
func (c *Control) AddProvider(ctx context.Context, n fleet.NewProvider) (*fleet.Provider, error) {
	return nil, unbuilt()
}

// UpdateProvider changes a connection; whoever uses it next gets a new one.
func (c *Control) UpdateProvider(ctx context.Context, provider uuid.UUID, change fleet.ProviderChange) (*fleet.Provider, error) {
	return nil, unbuilt()
}

// RemoveProvider forgets a connection and what we know of its VMs, which go on untouched. Conflict
// while operations are under way there. Already gone: NotFound.
func (c *Control) RemoveProvider(ctx context.Context, provider uuid.UUID) error {
	return unbuilt()
}

// RefreshProvider has everything at a provider read again.
func (c *Control) RefreshProvider(ctx context.Context, provider uuid.UUID) (*fleet.Provider, error) {
	return nil, unbuilt()
}
