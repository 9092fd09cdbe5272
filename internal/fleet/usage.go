package fleet

import (
	"time"

	"github.com/novacron/novacron/drivers"
)

// Usage is what a VM uses at one moment. Nil: not known (rates need two readings).
type Usage struct {
	AsOf          time.Time
	CPUPercent    *float64 // of its vCPUs, 0 to 100
	MemoryUsedMiB *int64   // by the guest's own count
	MemoryMiB     int64    // given to it
	MemoryHostMiB int64    // of the host's memory

	DiskReadBytesPerSecond        *float64
	DiskWriteBytesPerSecond       *float64
	NetworkReceiveBytesPerSecond  *float64
	NetworkTransmitBytesPerSecond *float64
}

// UsageOf makes usage of a reading and the one before it; before may be nil. Readings of different
// lives of the VM (its counters went back) give no rates.
func UsageOf(now drivers.Sample, before *drivers.Sample) *Usage {
	u := &Usage{AsOf: now.At, MemoryMiB: now.MemoryMiB, MemoryHostMiB: now.MemoryRSSMiB}
	if now.MemoryUsedMiB >= 0 {
		u.MemoryUsedMiB = &now.MemoryUsedMiB
	}
	if before == nil {
		return u
	}
	elapsed := now.At.Sub(before.At)
	if elapsed <= 0 || now.CPUTime < before.CPUTime {
		return u
	}
	if now.VCPUs > 0 {
		percent := min(100, 100*float64(now.CPUTime-before.CPUTime)/float64(elapsed)/float64(now.VCPUs))
		u.CPUPercent = &percent
	}
	rate := func(now, before int64) *float64 {
		if now < before {
			return nil
		}
		r := float64(now-before) / elapsed.Seconds()
		return &r
	}
	u.DiskReadBytesPerSecond = rate(now.DiskReadBytes, before.DiskReadBytes)
	u.DiskWriteBytesPerSecond = rate(now.DiskWriteBytes, before.DiskWriteBytes)
	u.NetworkReceiveBytesPerSecond = rate(now.NetRxBytes, before.NetRxBytes)
	u.NetworkTransmitBytesPerSecond = rate(now.NetTxBytes, before.NetTxBytes)
	return u
}

// Guest is what a guest said of itself, and when.
type Guest struct {
	drivers.Guest
	AsOf time.Time
}

// ResourceUtilization is what is used of a host.
type ResourceUtilization struct {
	CPUPercent                    *float64 // nil: not known yet
	MemoryUsedMiB, MemoryTotalMiB int64
	StorageUsedBytes              int64
	StorageTotalBytes             int64
	VCPUsAllocated                int
	MemoryAllocatedMiB            int64
}

// Utilization adds up what was surveyed of the host and what its VMs take.
func (h *HypervisorHost) Utilization(l HostUse) *ResourceUtilization {
	u := &ResourceUtilization{
		MemoryUsedMiB: h.Capabilities.MemoryMiB - h.Capabilities.MemoryFree, MemoryTotalMiB: h.Capabilities.MemoryMiB,
		VCPUsAllocated: l.VCPUs, MemoryAllocatedMiB: l.MemoryMiB,
	}
	if p := h.Capabilities.CPUPercent; p >= 0 {
		u.CPUPercent = &p
	}
	for _, p := range h.Pools {
		if p.Active {
			u.StorageUsedBytes += p.CapacityBytes - p.FreeBytes
			u.StorageTotalBytes += p.CapacityBytes
		}
	}
	return u
}
