package fleet

import "github.com/google/uuid"

// VMFilter says which VMs: those that satisfy every field that is given. A nil slice is not given;
// an empty one is, and matches nothing, so that "these none" can never come to mean "all".
type VMFilter struct {
	Search         string // every word of it is part of the VM's searchable text, literally, whatever the case
	Status         []VMStatus
	Provider       []uuid.UUID
	Host           []uuid.UUID
	HypervisorType []string
	Tags           []Tag // all of them
	Management     *Management
	IDs            []uuid.UUID
	Missing        *bool
}

// Empty reports whether the filter matches everything.
func (f VMFilter) Empty() bool {
	return f.Search == "" && f.Status == nil && f.Provider == nil && f.Host == nil && f.HypervisorType == nil &&
		f.Tags == nil && f.Management == nil && f.IDs == nil && f.Missing == nil
}

// Tag is a label with a value. In a filter an empty value means any value.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// VMOrderField is what VMs can be ordered by.
type VMOrderField string

// The order fields.
const (
	VMByName    VMOrderField = "NAME"
	VMByStatus  VMOrderField = "STATUS"
	VMByCreated VMOrderField = "CREATED_AT"
	VMByUpdated VMOrderField = "UPDATED_AT"
	VMByVCPUs   VMOrderField = "VCPUS"
	VMByMemory  VMOrderField = "MEMORY"
)

// VMOrder is an order of VMs; equal ones are ordered by id. The zero VMOrder is by name, A first.
type VMOrder struct {
	Field VMOrderField
	Desc  bool
}

// VMQuery asks for one page of VMs.
type VMQuery struct {
	Filter VMFilter
	Order  VMOrder
	First  int    // how many at most; the caller has bounded it
	After  string // the cursor of the VM after which the page begins; empty for the first page
}

// VMPage is one page of VMs.
type VMPage struct {
	VMs         []*VM
	Cursors     []string // of each VM
	HasNext     bool
	HasPrevious bool
}

// VMCounts is how many VMs match a filter.
type VMCounts struct {
	Total    int           // that match all of it
	ByStatus []StatusCount // that match the rest of it, whatever their status; statuses that nobody has are left out
}

// StatusCount is how many VMs have one status.
type StatusCount struct {
	Status VMStatus
	Count  int
}

// HostUse is what the VMs of one host take of it.
type HostUse struct {
	VMs       int   `bun:"vms"`
	Running   int   `bun:"running"`
	VCPUs     int   `bun:"vcpus"`      // of those that are not off
	MemoryMiB int64 `bun:"memory_mib"` // of those that are not off: a paused VM keeps its memory
}
