package fleet

import (
	"cmp"
	"slices"
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
