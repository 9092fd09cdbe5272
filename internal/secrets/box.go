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

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/novacron/novacron/internal/fault"
)

// Box seals and opens. What it sealed opens only with the same associated data, so that a sealed
// value copied to another row, or another tenant's, is worthless there.
type Box struct{ aead tink.AEAD }

// OpenBox reads the key file, making it (mode 0600) if there is none. The file is a Tink keyset in
// JSON: a key can be added and made primary with Tinkey, old ones still open what they sealed.
func OpenBox(file string) (*Box, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the secrets key: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("the secrets key file %s is no Tink keyset: %w", file, err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("using the secrets key of %s: %w", file, err)
	}
	return &Box{primitive}, nil
}

// createKey makes a key and puts it at file whole or not at all. Of two processes that start at
// once the first wins, and both use its key.
func createKey(file string) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	draft := file + "." + rand.Text()
	defer os.Remove(draft)
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft, file); errors.Is(err, fs.ErrExist) {
		return os.ReadFile(file)
	} else if err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Seal encrypts plaintext and binds it to aad.
func (b *Box) Seal(plaintext, aad []byte) ([]byte, error) { return b.aead.Encrypt(plaintext, aad) }

// Open gives back what Seal got. Internal when the key or the associated data is another.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) {
	plain, err := b.aead.Decrypt(sealed, aad)
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
