package secrets

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/novacron/novacron/internal/fault"
)

// LookEvery is how often a server looks whether its key file has changed.
const LookEvery = 5 * time.Second

// Watch reads the key file again whenever it has changed, until the context ends.
func (b *Box) Watch(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch changed, err := b.Refresh(); {
		case err != nil:
			log.WarnContext(ctx, "the key file; the keys that were read before are used", "error", err)
		case changed:
			log.InfoContext(ctx, "the key file has changed", "primary", b.Primary())
		}
	}
}

// Primary is the id of the key that seals.
func (b *Box) Primary() uint32 { return b.keys.Load().primary }

// KeyOf is the id of the key that sealed something; 0 for what no key of ours did.
func KeyOf(sealed []byte) uint32 {
	if len(sealed) < 5 || sealed[0] != 1 { // Tink's prefix: a version and the id
		return 0
	}
	return binary.BigEndian.Uint32(sealed[1:5])
}

// Rotate adds a key to the file and has it seal from now on; the old ones still open. It gives the new key's id.
func Rotate(file string) (id uint32, err error) {
	return id, change(file, func(m *keyset.Manager, _ *keyset.Handle) error {
		if id, err = m.Add(aead.AES256GCMKeyTemplate()); err != nil {
			return err
		}
		return m.SetPrimary(id)
	})
}

// Retire removes all keys from the file but the one that seals, and gives their ids: what they sealed, backups too, is
// closed for ever.
func Retire(file string) (ids []uint32, err error) {
	return ids, change(file, func(m *keyset.Manager, h *keyset.Handle) error {
		info := h.KeysetInfo()
		for _, k := range info.GetKeyInfo() {
			if k.GetKeyId() == info.GetPrimaryKeyId() {
				continue
			}
			if err := m.Delete(k.GetKeyId()); err != nil {
				return err
			}
			ids = append(ids, k.GetKeyId())
		}
		return nil
	})
}

// change writes the file anew, whole or not at all.
func change(file string, do func(*keyset.Manager, *keyset.Handle) error) error {
	refused := func(err error) error {
		return fault.New(fault.Invalid, "the key file %s cannot be changed", file).With("Name a key file that is there and yours to write: NOVACRON_SECRETS_KEY_FILE.").Because(err)
	}
	f, err := os.Open(file)
	if err != nil {
		return refused(err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(f))
	_ = f.Close()
	if err != nil {
		return refused(err)
	}
	m := keyset.NewManagerFromHandle(handle)
	if err := do(m, handle); err != nil {
		return refused(err)
	}
	if handle, err = m.Handle(); err != nil {
		return refused(err)
	}
	draft, err := draft(file, handle)
	if err != nil {
		return refused(err)
	}
	err = sameReaders(draft, file)
	if err == nil {
		err = os.Rename(draft, file)
	}
	if err != nil {
		_ = os.Remove(draft)
		return refused(err)
	}
	return nil
}

// sameReaders gives the draft the owner and the mode of the file: whoever could read it can go on.
func sameReaders(draft, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(draft, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(draft, info.Mode().Perm())
}
