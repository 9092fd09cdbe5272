package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// tokenPrefix makes a leaked token recognisable to people and to secret scanners.
const tokenPrefix = "ncr_"

// shownPrefix is how much of a token is kept readable, to recognise it by.
const shownPrefix = len(tokenPrefix) + 8

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newToken makes the secret of an API token: 256 random bits and a checksum, so that a token cut off
// while copying is refused without asking the database.
func newToken() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	body := crockford.EncodeToString(secret)
	return tokenPrefix + body + tokenSum(body)
}

func tokenSum(body string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body)))
	return crockford.EncodeToString(sum)[:6]
}

// wellFormed reports whether token can be one of ours at all.
func wellFormed(token string) bool {
	body, ok := strings.CutPrefix(token, tokenPrefix)
	const bodyLength = 52
	return ok && len(body) == bodyLength+6 && tokenSum(body[:bodyLength]) == body[bodyLength:]
}

// newSecret makes the value of a session cookie: 256 random bits.
func newSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return crockford.EncodeToString(secret)
}

// digest is the form in which sessions and tokens are stored and found. Their secrets are random
// throughout, so a fast hash is enough.
func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
