package transport

import (
	"fmt"

	"github.com/confab/confab/media/udp"
)

// maxOverhead is what SRTP and SRTCP add at most: a GCM tag, and SRTCP's index.
const maxOverhead = 16 + 4

// WriteRTP encrypts the RTP packet prefix+payload into tx, to leave with its next Flush. prefix holds at least the RTP header;
// both are copied, so they may be shared. Only one goroutine ever calls WriteRTP and WriteRTCP of a Transport, always with
// the same Tx. It returns ErrNotReady before StateReady and after Close, ErrTooLong if the packet is longer than a slot.
func (t *Transport) WriteRTP(tx *udp.Tx, prefix, payload []byte) error {
	keys, dest := t.keysOut.Load(), t.dest.Load()
	if keys == nil || dest == nil {
		return ErrNotReady
	}
	if len(prefix)+len(payload)+maxOverhead > udp.SlotSize {
		return ErrTooLong
	}
	b := append(append(tx.Slot(), prefix...), payload...)
	b, err := keys.EncryptRTP(b[:0], b, &t.outRTP)
	if err != nil {
		return fmt.Errorf("encrypt RTP: %w", err)
	}
	tx.Commit(dest, len(b))
	return nil
}

// WriteRTCP encrypts a compound RTCP packet into tx; same goroutine, same errors as WriteRTP.
func (t *Transport) WriteRTCP(tx *udp.Tx, compound []byte) error {
	keys, dest := t.keysOut.Load(), t.dest.Load()
	if keys == nil || dest == nil {
		return ErrNotReady
	}
	if len(compound)+maxOverhead > udp.SlotSize {
		return ErrTooLong
	}
	b := append(tx.Slot(), compound...)
	b, err := keys.EncryptRTCP(b[:0], b, nil)
	if err != nil {
		return fmt.Errorf("encrypt RTCP: %w", err)
	}
	tx.Commit(dest, len(b))
	return nil
}
