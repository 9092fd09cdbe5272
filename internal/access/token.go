package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// tokenPrefix makes a leaked token recognisable to people and to secret scanners.
const tokenPrefix = "ncr_"

// shownPrefix is how much of a token is kept readable, to recognise it by.
const shownPrefix = len(tokenPrefix) + 8

// sumLength is how many characters of a token are its checksum.
const sumLength = 6

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewAPIToken makes an API token and its secret. Only the row is kept; nothing gives the secret again.
// expires nil: never.
func NewAPIToken(tenant, user uuid.UUID, name string, role fleet.Role, expires *time.Time) (*fleet.APIToken, string) {
	body := NewSecret()
	secret := tokenPrefix + body + tokenSum(body)
	return &fleet.APIToken{
		ID: fleet.NewID(), TenantID: tenant, UserID: user, Name: name, Role: role, CreatedAt: time.Now(), ExpiresAt: expires,
		Prefix: secret[:shownPrefix], Hash: Digest(secret),
	}, secret
}

// tokenSum lets a token that was cut off while copying be refused without asking the database.
func tokenSum(body string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	return crockford.EncodeToString(sum)[:sumLength]
}

// wellFormed reports whether token can be one of ours at all.
func wellFormed(token string) bool {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	cut := len(rest) - sumLength
	return ok && cut == secretLength && tokenSum(rest[:cut]) == rest[cut:]
}

// secretLength is the length of 32 bytes in base 32.
const secretLength = 52

// NewSecret makes 256 random bits in letters and digits: a session's cookie, a ticket.
func NewSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return crockford.EncodeToString(secret)
}

// Digest is the form in which sessions, tokens and tickets are stored and found. Their secrets are
// random throughout, so a fast hash is enough.
func Digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
