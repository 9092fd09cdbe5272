// Package secrets seals what must not be readable in the database: the credentials of providers.
// Whoever has only a dump of the database has nothing; the key lies in a file beside the process.
package secrets

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/novacron/novacron/internal/fault"
)

// Box seals and opens. What it sealed opens only with the same associated data, so that a sealed
// value copied to another row, or another tenant's, is worthless there.
type Box struct {
	file string
	mu   sync.Mutex
	text []byte // of the file, when it was last read
	keys atomic.Pointer[keys]
}

// keys are what a file has.
type keys struct {
	aead    tink.AEAD
	primary uint32
}

// OpenBox reads the key file, making it (mode 0600) if there is none. The file is a Tink keyset in
// JSON: Rotate adds a key to it, old ones still open what they sealed.
func OpenBox(file string) (*Box, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		if err := createKey(file); err != nil {
			return nil, fmt.Errorf("making the secrets key: %w", err)
		}
	}
	b := &Box{file: file}
	_, err := b.Refresh()
	return b, err
}

// Refresh reads the file again if it has changed. With an error the box goes on with what it had.
func (b *Box) Refresh() (changed bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, err := os.ReadFile(b.file)
	if err != nil {
		return false, fmt.Errorf("reading the secrets key: %w", err)
	}
	if bytes.Equal(text, b.text) {
		return false, nil
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return false, fmt.Errorf("the secrets key file %s is no Tink keyset: %w", b.file, err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return false, fmt.Errorf("using the secrets key of %s: %w", b.file, err)
	}
	b.text = text
	b.keys.Store(&keys{primitive, handle.KeysetInfo().GetPrimaryKeyId()})
	return true, nil
}

// createKey makes a key and puts it at file whole or not at all. Of two processes that start at
// once the first wins, and both use its key.
func createKey(file string) error {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	draft, err := draft(file, handle)
	if err != nil {
		return err
	}
	defer os.Remove(draft)
	if err := os.Link(draft, file); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// draft writes a keyset into a file beside the one that it is to be.
func draft(file string, handle *keyset.Handle) (string, error) {
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return "", err
	}
	draft := file + "." + rand.Text()
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(text.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(draft)
		return "", err
	}
	return draft, nil
}

// Seal encrypts plaintext and binds it to aad.
func (b *Box) Seal(plaintext, aad []byte) ([]byte, error) {
	return b.keys.Load().aead.Encrypt(plaintext, aad)
}

// Open gives back what Seal got. Internal when the key or the associated data is another.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) {
	plain, err := b.keys.Load().aead.Decrypt(sealed, aad)
	if err != nil { // by a key that another process has added?
		if changed, _ := b.Refresh(); changed {
			plain, err = b.keys.Load().aead.Decrypt(sealed, aad)
		}
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "the stored credentials cannot be opened").
			With("Give them again, or start NovaCron with the key file that it had.").Because(err)
	}
	return plain, nil
}

// ProviderAAD binds credentials to the row that they belong to.
func ProviderAAD(tenant, provider uuid.UUID) []byte {
	return fmt.Appendf(nil, "provider-credentials/%s/%s", tenant, provider)
}

// IssuerAAD binds a client's secret to the issuer that gave it.
func IssuerAAD(issuer uuid.UUID) []byte { return fmt.Appendf(nil, "issuer-client-secret/%s", issuer) }

// SealJSON seals v as JSON. A v without content ("{}") needs no sealing: nil.
func (b *Box) SealJSON(v any, aad []byte) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil || string(plain) == "{}" {
		return nil, err
	}
	return b.Seal(plain, aad)
}

// OpenJSON reads into v what SealJSON sealed; nil leaves v as it is.
func (b *Box) OpenJSON(sealed, aad []byte, v any) error {
	if len(sealed) == 0 {
		return nil
	}
	plain, err := b.Open(sealed, aad)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
