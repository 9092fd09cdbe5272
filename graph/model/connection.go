// Package model has what only the API knows: its inputs (generated) and its pages.
package model

import (
	"strconv"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fleet"
)

// PageInfo is where a page stands in its list.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

func pageInfo(cursors []string, next, previous bool) *PageInfo {
	p := &PageInfo{HasNextPage: next, HasPreviousPage: previous}
	if n := len(cursors); n > 0 {
		p.StartCursor, p.EndCursor = &cursors[0], &cursors[n-1]
	}
	return p
}

// VMConnection is one page of VMs. It keeps the filter, so that counts are made only if asked for.
type VMConnection struct {
	*fleet.VMPage
	Filter fleet.VMFilter
}

// VMEdge is a VM with its cursor.
type VMEdge struct {
	Cursor string
	Node   *fleet.VM
}

// Edges are the VMs with their cursors.
func (c *VMConnection) Edges() []*VMEdge {
	edges := make([]*VMEdge, len(c.VMs))
	for i, vm := range c.VMs {
		edges[i] = &VMEdge{c.Cursors[i], vm}
	}
	return edges
}

// PageInfo is where the page stands.
func (c *VMConnection) PageInfo() *PageInfo { return pageInfo(c.Cursors, c.HasNext, c.HasPrevious) }

// AuditConnection is one page of the audit log.
type AuditConnection struct{ *fleet.AuditPage }

// AuditEdge is a line with its cursor.
type AuditEdge struct {
	Cursor string
	Node   *fleet.AuditEntry
}

// Edges are the lines with their cursors.
func (c *AuditConnection) Edges() []*AuditEdge {
	edges := make([]*AuditEdge, len(c.Entries))
	for i, e := range c.Entries {
		edges[i] = &AuditEdge{strconv.FormatInt(e.ID, 10), e}
	}
	return edges
}

// PageInfo is where the page stands.
func (c *AuditConnection) PageInfo() *PageInfo {
	cursors := make([]string, len(c.Entries))
	for i, e := range c.Entries {
		cursors[i] = strconv.FormatInt(e.ID, 10)
	}
	return pageInfo(cursors, c.HasNext, c.Later)
}

// StoragePool is a pool and the host it is on.
type StoragePool struct {
	drivers.Pool
	Host *fleet.HypervisorHost
}

// Node is anything with a global id: *fleet.VM, *fleet.Provider, *fleet.HypervisorHost,
// *fleet.Operation or *fleet.Image.
type Node interface{}
