package signaling

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// Options are what a Server needs of its surroundings. The zero value is an open server without an SFU.
type Options struct {
	Media Media // nil: no SFU

	// Recorder keeps recordings. nil: rooms cannot be recorded.
	Recorder Recorder

	// ICEServers returns what a participant may use, and for how long the credentials are valid. host is the Host of the
	// request that the participant came with: how the server is known where they are. nil: none.
	ICEServers func(host, participant string) ([]protocol.ICEServer, time.Duration)

	// ViewerGone is told when a WHEP viewer has ended: what ICEServers gave out to that participant has no more use. Seats have events for it,
	// see Observer. It is called by rooms and must not block. nil: nobody is told.
	ViewerGone func(participant string)

	// Secrets returns those that join tokens may be signed with; it is called for every token, so they can be rotated. nil:
	// the server is open, and everybody may do everything but moderate.
	Secrets func() [][]byte

	// Tokens verifies join tokens, in place of Secrets. nil: Secrets do.
	Tokens Tokens

	// Invites returns the secrets that sign invites, the first of which mints. nil: Secrets do; without those either, there are no invites.
	Invites func() [][]byte

	// Store keeps the logs of rooms, and connects the nodes that share it. It is the caller's to close, after Run has returned. nil: memory.
	Store     store.Store
	Retention store.Retention // zero: store.DefaultRetention

	// Observer is told every event of every room that is served here once it is safe; with several nodes, each tells those of its own rooms,
	// so one event may be told at several of them. s is the room right after e. It is called by rooms and must neither block nor keep s.
	Observer func(id string, s *room.State, e room.Event)

	// Origins may use the server from pages of other hosts: "https://example.org", or "*" for all.
	Origins []string

	Limits     Limits
	Log        *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
	Version    string                // told in joined
}

// Tokens reads join tokens; *auth.Keyring is one.
type Tokens interface {
	// Verify returns what a token says, or one of auth's errors. It must not block for long.
	Verify(token string, now time.Time) (auth.Claims, error)
}

// Limits bound what strangers can make the server do. A zero field means its default.
type Limits struct {
	Rooms     int // at once; default 10 000
	Sockets   int // at once; default 20 000
	Resources int // WHIP and WHEP connections at once; default 5000
	People    int // in a room; default 100

	// Of one client address; an IPv6 client is its /64. An office behind a NAT is one address and must be able to join a
	// meeting together, and so is everybody behind a reverse proxy.
	SocketsPerAddress int     // at once; default 5000
	SocketRate        float64 // new ones per second; default 10
	SocketBurst       int     // new ones at once; default 60
	PostRate          float64 // WHIP and WHEP offers per second; default 2
	PostBurst         int     // at once; default 20

	Join       time.Duration // from the open socket to join or resume; default 10 s
	Hold       time.Duration // of a seat whose socket was lost; default 30 s
	HoldClosed time.Duration // of a seat whose page was closed or is being reloaded; default 5 s
	Linger     time.Duration // two people stay on the SFU before they go back to peer to peer; default 10 s
	Switch     time.Duration // of a change of route; default 15 s
	Negotiate  time.Duration // of one SDP answer; default 8 s
	Connect    time.Duration // of a WHIP or WHEP connection to come up; default 30 s
	Body       time.Duration // of the body of an HTTP request to arrive; default 10 s
	Ping       time.Duration // between pings; a socket silent for two and a half of them is lost; default 15 s
	Write      time.Duration // of one frame; default 10 s
	Rate       float64       // messages per second and socket; default 50
	Burst      int           // messages at once; default 200
	OfferRate  float64       // offers to the SFU per second and socket, each of which may be a new connection; default 4
	OfferBurst int           // offers at once; default 20
	Transfers  int           // that a participant may open per minute; default 20
	Bytes      int           // per second and socket; default 512 KiB, and eight times that at once
	Queue      int           // frames that wait for a socket; default 2048
	QueueBytes int           // of them; default 2 MiB
	Ring       int           // events that a room keeps for resume; default 1024
	RingBytes  int           // of them; default 1 MiB

	Waiting      int           // commands of a room that wait for its log; default 1024
	WaitingBytes int           // of the events that they make; default 4 MiB
	Patience     time.Duration // of a command that waits for the log, and of one request to it; default 10 s
	Lobby        time.Duration // of somebody who waits to be let in; default 10 min
}

func (l Limits) withDefaults() Limits {
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	orRate := func(v *float64, d float64) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&l.Rooms, 10_000)
	orInt(&l.Sockets, 20_000)
	orInt(&l.Resources, 5000)
	orInt(&l.People, 100)
	orInt(&l.SocketsPerAddress, 5000)
	orRate(&l.SocketRate, 10)
	orInt(&l.SocketBurst, 60)
	orRate(&l.PostRate, 2)
	orInt(&l.PostBurst, 20)
	orTime(&l.Join, 10*time.Second)
	orTime(&l.Hold, 30*time.Second)
	orTime(&l.HoldClosed, 5*time.Second)
	orTime(&l.Linger, 10*time.Second)
	orTime(&l.Switch, 15*time.Second)
	orTime(&l.Negotiate, 8*time.Second)
	orTime(&l.Connect, 30*time.Second)
	orTime(&l.Body, 10*time.Second)
	orTime(&l.Ping, 15*time.Second)
	orTime(&l.Write, 10*time.Second)
	orRate(&l.Rate, 50)
	orInt(&l.Burst, 200)
	orRate(&l.OfferRate, 4)
	orInt(&l.OfferBurst, 20)
	orInt(&l.Transfers, 20)
	orInt(&l.Bytes, 512<<10)
	orInt(&l.Queue, 2048)
	orInt(&l.QueueBytes, 2<<20)
	orInt(&l.Ring, 1024)
	orInt(&l.RingBytes, 1<<20)
	orInt(&l.Waiting, 1024)
	orInt(&l.WaitingBytes, 4<<20)
	orTime(&l.Patience, 10*time.Second)
	orTime(&l.Lobby, 10*time.Minute)
	return l
}
