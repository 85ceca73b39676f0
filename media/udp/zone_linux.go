//go:build amd64 || arm64

package udp

import (
	"net"
	"strconv"
	"sync"
)

// zones caches the names of interface indices: link-local IPv6 peers name one in every datagram, and asking costs system calls.
// An interface that is renamed keeps its first name here, which does no harm: names are translated back by the same table.
var zones struct {
	sync.RWMutex
	names   map[uint32]string
	indices map[string]uint32
}

func zoneName(index uint32) string {
	zones.RLock()
	name, ok := zones.names[index]
	zones.RUnlock()
	if ok {
		return name
	}
	name = strconv.FormatUint(uint64(index), 10)
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	rememberZone(index, name)
	return name
}

func zoneIndex(name string) uint32 {
	if name == "" {
		return 0
	}
	zones.RLock()
	index, ok := zones.indices[name]
	zones.RUnlock()
	if ok {
		return index
	}
	if i, err := net.InterfaceByName(name); err == nil {
		index = uint32(i.Index)
	} else if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		index = uint32(n)
	}
	rememberZone(index, name)
	return index
}

func rememberZone(index uint32, name string) {
	zones.Lock()
	defer zones.Unlock()
	if zones.names == nil || len(zones.names) > 1024 { // names may come from outside: stay small
		zones.names, zones.indices = map[uint32]string{}, map[string]uint32{}
	}
	zones.names[index], zones.indices[name] = name, index
}
