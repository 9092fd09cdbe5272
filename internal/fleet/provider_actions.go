package fleet

import (
	"fmt"
	"strings"
)

// Actions says what somebody may do with the connection.
func (p *Provider) Actions(may May) []Action {
	return []Action{may("refreshProvider"), may("updateProvider"), may("removeProvider")}
}

// Actions says what somebody may do with the image.
func (i *Image) Actions(may May) []Action {
	a := may("deleteImage")
	if a.Allowed && i.Status == ImageImporting {
		a = Action{Name: a.Name, Reason: "It is on its way", Remedy: "Cancel the operation that brings it."}
	}
	return []Action{a}
}

// Warnings are what speaks against relying on the host. others are all hosts that the viewer knows.
func (h *HypervisorHost) Warnings(others []*HypervisorHost) []string {
	warnings := []string{}
	for _, o := range others {
		if o.ID != h.ID && h.Capabilities.UUID != "" && strings.EqualFold(o.Capabilities.UUID, h.Capabilities.UUID) {
			warnings = append(warnings, fmt.Sprintf("It is the same machine as %s: its VMs are shown twice", o.Name))
		}
	}
	if len(h.Pools) == 0 {
		warnings = append(warnings, "It has no storage pool: no disks can be made on it")
	}
	for _, p := range h.Pools {
		if p.Active && p.CapacityBytes > 0 && p.FreeBytes < p.CapacityBytes/20 {
			warnings = append(warnings, fmt.Sprintf("The pool %s is nearly full", p.Name))
		}
	}
	return warnings
}
