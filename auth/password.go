package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a room's password: the third of the equal choices of the OWASP password storage cheat sheet for Argon2id, the one with
// least memory, since strangers make the server compute it. A check takes 7 MiB while it runs: the caller bounds how
// many run at once, and how often one address may try.
const (
	passwordMemory = 7 << 10 // KiB
	passwordPasses = 5
	passwordLanes  = 1
	passwordSum    = 32 // bytes
)

// SaltSize is how many random bytes HashPassword takes.
const SaltSize = 16

// maxPassword is the longest password, in bytes: 128 characters of four.
const maxPassword = 512

// maxPasswordCost bounds memory × passes of a hash that CheckPassword computes: four times ours, so that the cost can grow and a hash that
// somebody has slipped into the store cannot stop the server.
const maxPasswordCost = 4 * passwordMemory * passwordPasses

var (
	// ErrPassword says that the password is wrong, missing or too long.
	ErrPassword = errors.New("the password is wrong")
	// ErrPasswordHash says that the hash is not one that HashPassword could have made.
	ErrPasswordHash = errors.New("the password hash is malformed or too costly")
)

// HashPassword hashes a password with Argon2id (RFC 9106) and a random salt, in the usual text form "$argon2id$v=19$m=…".
func HashPassword(password string, salt [SaltSize]byte) (string, error) {
	if password == "" || len(password) > maxPassword {
		return "", fmt.Errorf("a password has 1 to %d bytes", maxPassword)
	}
	sum := argon2.IDKey([]byte(password), salt[:], passwordPasses, passwordMemory, passwordLanes, passwordSum)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passwordMemory, passwordPasses, passwordLanes, encode(salt[:]), encode(sum)), nil
}

// CheckPassword compares in constant time. Its error is nil, ErrPassword, or for a bad hash ErrPasswordHash.
func CheckPassword(hash, password string) error {
	if password == "" || len(password) > maxPassword {
		return ErrPassword
	}
	parts := strings.Split(hash, "$")
	if len(hash) > 256 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return ErrPasswordHash
	}
	var memory, passes uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes); err != nil || parts[3] != fmt.Sprintf("m=%d,t=%d,p=%d", memory, passes, lanes) {
		return ErrPasswordHash
	}
	if passes < 1 || lanes < 1 || memory < 8*uint32(lanes) || uint64(memory)*uint64(passes) > maxPasswordCost {
		return ErrPasswordHash
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(sum) < 16 || len(sum) > 64 {
		return ErrPasswordHash
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(sum)))
	if subtle.ConstantTimeCompare(got, sum) != 1 {
		return ErrPassword
	}
	return nil
}
