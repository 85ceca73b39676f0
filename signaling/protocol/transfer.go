package protocol

// Transfer carries one step of a file transfer's negotiation to another participant; files themselves never pass the
// server (docs/file-transfer.md). The server checks that the addressee is in the room and reads no data.
type Transfer struct {
	ID       string `json:"id,omitempty"`
	To       string `json:"to"`       // participant id
	Transfer string `json:"transfer"` // 22 characters of base64url, 128 random bits, chosen by who opens the transfer
	// Open is true in the first message of a transfer. It needs the grant to send files, and no more than 20 a minute are carried.
	// A client ignores a message about a transfer that it does not know without it.
	Open bool   `json:"open,omitempty"`
	Data string `json:"data"` // a JSON text of the two clients: at most 32 KiB
}

// PeerTransfer is a Transfer as the addressee gets it (type "transfer").
type PeerTransfer struct {
	From     string `json:"from"`
	Transfer string `json:"transfer"`
	Open     bool   `json:"open,omitempty"`
	Data     string `json:"data"`
}

func (c *Transfer) check() *Error {
	switch {
	case !ValidParticipant(c.To):
		return malformed("to must be a participant id")
	case len(c.Transfer) != TransferID || !only(c.Transfer, keyAlphabet):
		return malformed("transfer must be %d characters of base64url", TransferID)
	case c.Data == "" || len(c.Data) > MaxTransfer:
		return malformed("data must have 1 to %d bytes", MaxTransfer)
	}
	return nil
}
