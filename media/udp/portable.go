//go:build !linux || !(amd64 || arm64)

package udp

// sysDest is what a batched send needs of a destination: nothing, where there is none.
type sysDest struct{}

func (d *Dest) prepare()                 {}
func (d *Dest) control(ipv6 bool) []byte { return nil }

func (s *Socket) enableBatching(gso bool)        {}
func (s *Socket) forceBuffers(read, write int)   {}
func newBatchReceiver(r *Rx) func() (int, error) { return r.receiveOne }
func newBatchSender(t *Tx) func() error          { return t.sendEach }
