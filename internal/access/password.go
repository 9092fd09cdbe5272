package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/novacron/novacron/internal/fault"
)

// The cost of a password: RFC 9106's second recommended option, with one lane so that a burst of
// sign-ins does not take every core. 64 MiB each is why sign-ins wait for each other: see Door.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 1
	argonKey     = 32
)

// The bounds of a password. The upper one keeps hashing from being the attack.
const (
	MinPassword = 12
	MaxPassword = 256
)

// CheckPassword is the rule for passwords that people choose.
func CheckPassword(password string) error {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return fault.Field("password", fmt.Sprintf("Use %d to %d bytes; several words are fine.", MinPassword, MaxPassword), "the password has %d bytes", len(password))
	}
	return nil
}

// NewPassword makes one for people to type once: 100 bits in groups of letters and digits that are hard to confuse.
func NewPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789-" // 32; the last is never drawn in a group
	var b strings.Builder
	random := make([]byte, 20)
	_, _ = rand.Read(random)
	for i, r := range random {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[int(r)%31])
	}
	return b.String()
}

// HashPassword gives the form that is stored: argon2id with its parameters, in the usual notation.
func HashPassword(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads, encode(salt), encode(key))
}

// PasswordMatches reports whether password is the one that hash was made from. Its time does not
// depend on where they differ.
func PasswordMatches(hash, password string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || len(password) > MaxPassword {
		return false
	}
	var version, memory, time uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &threads); err != nil || version != argon2.Version {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) < 16 || threads == 0 || time == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(key, argon2.IDKey([]byte(password), salt, time, memory, threads, uint32(len(key)))) == 1
}
