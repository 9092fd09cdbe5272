package model

import "github.com/novacron/novacron/internal/fleet"

// OperationConnection is one page of operations.
type OperationConnection struct {
	*fleet.OperationPage
	Filter fleet.OperationFilter
}

// OperationEdge is an operation with its cursor.
type OperationEdge struct {
	Cursor string
	Node   *fleet.Operation
}

// Edges are the operations with their cursors.
func (c *OperationConnection) Edges() []*OperationEdge {
	edges := make([]*OperationEdge, len(c.Operations))
	for i, o := range c.Operations {
		edges[i] = &OperationEdge{o.Cursor(), o}
	}
	return edges
}

// PageInfo is where the page stands.
func (c *OperationConnection) PageInfo() *PageInfo {
	cursors := make([]string, len(c.Operations))
	for i, o := range c.Operations {
		cursors[i] = o.Cursor()
	}
	return pageInfo(cursors, c.HasNext, c.HasPrevious)
}

// OperationEvents is a batch of changes of operations; they are loaded when they are sent.
type OperationEvents struct {
	Cursor  fleet.Cursor
	Missed  bool
	Changes []fleet.Event
}
