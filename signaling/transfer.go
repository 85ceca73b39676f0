package signaling

import (
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

var transfersTooFast = &protocol.Error{
	Code: protocol.CodeTooFast, Message: "you have opened too many file transfers within a minute", Hint: "Wait before you offer more files.", Retry: true, After: 3000,
}

// transfer passes a step of a file transfer on to the peer. Who may not send files opens no transfer, and may answer those of others.
func (a *actor) transfer(from *member, t *protocol.Transfer) error {
	own, seat := a.state().Seat(from.id), a.state().Seat(t.To)
	if own == nil {
		return expired
	}
	if t.Open {
		if err := own.May(auth.ActionSendFile); err != nil {
			return err
		}
		most := float64(a.srv.limits.Transfers)
		if !from.transfers.take(1, most/60, most, time.Now()) {
			return transfersTooFast
		}
	}
	if seat == nil || t.To == from.id || seat.Kind != protocol.KindPerson {
		return &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
	}
	a.pass(seat, mustEncode(&protocol.PeerTransfer{From: from.id, Transfer: t.Transfer, Open: t.Open, Data: t.Data}))
	return nil
}
