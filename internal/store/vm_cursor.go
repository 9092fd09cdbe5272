package store

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// vmCursor is a place in a list of VMs. It says of which list, so that one of another order or of
// another organisation is refused rather than read as a wrong place.
type vmCursor struct {
	Order  fleet.VMOrder `json:"o"`
	Tenant uuid.UUID     `json:"t"`
	Key    string        `json:"k"`
	ID     uuid.UUID     `json:"i"`
}

// String is the form clients get. The checksum finds accidents; there is nothing to gain by forging one.
func (c vmCursor) String() string {
	b, _ := json.Marshal(c) // strings and bools always can
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

// parseVMCursor reads what String wrote; nil for the empty string.
func parseVMCursor(scope fleet.Scope, o fleet.VMOrder, s string) (*vmCursor, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // no cursor is no error: the list begins at its beginning
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 4 || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return nil, foreignCursor(s)
	}
	var c vmCursor
	if err := json.Unmarshal(b[:len(b)-4], &c); err != nil || text("after", c.Key) != nil {
		return nil, foreignCursor(s)
	}
	if c.Tenant != scope.Tenant() || c.Order != o {
		return nil, fault.Field("after", "Begin again without a cursor when you change the order.", "the cursor is of another list")
	}
	return &c, nil
}

func foreignCursor(s string) error {
	return fault.Field("after", "Give back a cursor from an earlier page, or leave it out.", "%.40q is no cursor of this list", s)
}
