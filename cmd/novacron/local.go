package main

import (
	"context"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fleet"
)

// sockets are where a local libvirt listens: the one daemon, or the modular one for QEMU.
var sockets = []string{"/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"}

// adoptLocal makes the libvirt of this machine the first host, once there is an organisation to own
// it. It ends when there is a host, that one or another.
func (h *house) adoptLocal(ctx context.Context) {
	if mode, err := choice("NOVACRON_LOCAL_LIBVIRT", "auto", "off"); err != nil || mode == "off" {
		if err != nil {
			h.log.Error("looking for a local hypervisor", "error", err)
		}
		return
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		done, err := h.tryLocal(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("looking for a local hypervisor", "error", err)
		}
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (h *house) tryLocal(ctx context.Context) (done bool, err error) {
	providers, err := h.store.Providers(ctx, fleet.System())
	if err != nil || len(providers) > 0 {
		return err == nil, err
	}
	tenants, err := h.store.Tenants(ctx, fleet.System())
	if err != nil || len(tenants) == 0 || !anySocket() {
		return false, err
	}
	accelerator, err := accelerator()
	if err != nil {
		return true, err
	}
	ctx = access.With(ctx, access.Viewer{TenantID: tenants[0].ID, UserID: uuid.Nil, Name: "NovaCron", Role: fleet.RoleAdmin})
	p, err := h.control.AddProvider(ctx, fleet.NewProvider{
		Name: "local", Kind: drivers.KindLibvirt, Transport: drivers.TransportLocal, Accelerator: accelerator,
	})
	if err != nil {
		return false, err
	}
	h.log.Info("the local libvirt is the first host", "provider", p.ID)
	return true, nil
}

func anySocket() bool {
	for _, s := range sockets {
		if info, err := os.Stat(s); err == nil && info.Mode()&os.ModeSocket != 0 {
			return true
		}
	}
	return false
}
