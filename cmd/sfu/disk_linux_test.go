package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

func TestAFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rooms.db")
	server := launch(t, "--store=sqlite:"+path)
	limit := func(bytes uint64) {
		l := syscall.Rlimit{Cur: bytes, Max: 1<<64 - 1}
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(server.pid()), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&l)), 0, 0, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	inTrouble(t, "sqlite:"+path, server, func() trouble {
		return trouble{begin: func() { limit(8192) }, end: func() { limit(1<<64 - 1) }}
	})
}
