package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// SocketProblem says what an operator can do about an address that cannot be listened on. The program says how it is allowed ports
// below 1024: "allow it " and privilege.
func SocketProblem(address string, err error, privilege string) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("%s is taken by another program; stop it (ss -tulpn shows it), or choose another port, or port 0 for any free one", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s: ports below 1024 need a privilege; allow it %s", address, privilege)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s: this machine does not have that address; leave the host out to listen on all, and use --public-ip for the address that people see", address)
	}
	return err.Error()
}
