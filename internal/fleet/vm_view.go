package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What the API shows of a VM in another arrangement than the row's.

// Configuration is the VM's size and devices: fields of its own, grouped in the API.
func (v *VM) Configuration() *VM { return v }

// Labels are the VM's tags by key.
func (v *VM) Labels() []*Tag {
	tags := make([]*Tag, 0, len(v.Tags))
	for k, value := range v.Tags {
		tags = append(tags, &Tag{k, value})
	}
	slices.SortFunc(tags, func(a, b *Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags
}

// ReasonUnder is why the VM stands as it does when its provider stands as p does.
func (v *VM) ReasonUnder(p *Provider) string {
	last := strings.ToLower(string(v.ObservedStatus))
	switch {
	case v.Intent != nil:
		return v.StatusReason
	case !p.Reachable() && p.Status != ProviderConnecting:
		return fmt.Sprintf("The host %s does not answer; it was last seen %s", p.Name, last)
	case v.MissingSince != nil:
		return fmt.Sprintf("The host %s no longer has it; it was last seen %s", p.Name, last)
	}
	return v.StatusReason
}
