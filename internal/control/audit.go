package control

import (
	"context"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

const maxAudit = 200

// exported is how many lines of an export are read at once.
const exported = 1000

// ExportAudit reads all lines that match, newest first, and hands them over page by page: one page at least, if only an
// empty one. An error of take ends it.
func (c *Control) ExportAudit(ctx context.Context, f fleet.AuditFilter, take func([]*fleet.AuditEntry) error) error {
	viewer, err := c.may(ctx, "auditLog")
	if err != nil {
		return err
	}
	for before := int64(0); ; {
		page, err := c.store.AuditEntries(ctx, viewer.Scope(), f, before, exported)
		if err != nil {
			return err
		}
		if err := take(page); err != nil || len(page) < exported {
			return err
		}
		before = page[len(page)-1].ID
	}
}

// AuditLog is who did what in the viewer's organisation, newest first, older than the entry before (0: from the newest).
func (c *Control) AuditLog(ctx context.Context, f fleet.AuditFilter, before int64, first int) (*fleet.AuditPage, error) {
	viewer, err := c.may(ctx, "auditLog")
	if err != nil {
		return nil, err
	}
	if first < 1 || first > maxAudit {
		return nil, fault.Field("first", "Ask for the rest with after.", "a page has 1 to %d lines", maxAudit)
	}
	all, err := c.store.AuditEntries(ctx, viewer.Scope(), f, before, first+1)
	if err != nil {
		return nil, err
	}
	return &fleet.AuditPage{Entries: all[:min(len(all), first)], HasNext: len(all) > first, Later: before > 0}, nil
}
