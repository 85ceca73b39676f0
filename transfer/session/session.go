package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

// Lane is an ordered, reliable row of messages to a peer, such as a data channel.
type Lane interface {
	// Read reads the next message into p, which has room for any (wire.MaxBinary or wire.MaxText), and blocks until there is one.
	// The error is io.EOF or another when the lane is lost.
	Read(p []byte) (n int, text bool, err error)
	// Write sends a message and does not keep p. It blocks while more than about 1 MiB waits in the lane.
	Write(p []byte, text bool) error
	// Close ends the lane at once, and Read and Write with it. It may be called twice.
	Close() error
	// Path says how the lane travels.
	Path() Path
}

// Path says how a lane travels.
type Path struct {
	Kind  PathKind `json:"kind"`
	Why   string   `json:"why,omitempty"` // in words, why the path is not a better one
	Local string   `json:"-"`             // addresses, for a log
	Peer  string   `json:"-"`
}

// PathKind is a kind of path.
type PathKind string

// The kinds, best first.
const (
	PathLAN     PathKind = "lan"     // direct, within a local network or one machine
	PathDirect  PathKind = "direct"  // direct, through the Internet
	PathRelayed PathKind = "relayed" // by a TURN server
)

// Dialer brings lanes to one peer. On the side that opened the transfer it makes new ones; on the other side it waits for the next that is
// made there. It blocks until there is a lane or ctx ends, and tries again by itself, with back-off, as long as the peer is in the room;
// its error is final.
type Dialer interface {
	Dial(ctx context.Context) (Lane, error)
}

// Source reads the bytes of what is sent. An error that wraps one of the errors below tells the receivers why.
type Source interface {
	// ReadAt reads like io.ReaderAt from a file of the content by its index. Inline entries and folders are never read.
	ReadAt(file int, p []byte, offset int64) (int, error)
	// Leaves returns the leaves of a file, as they were hashed when it was offered. Not called for streams.
	Leaves(file int) ([]content.Hash, error)
	// Stream returns the bytes of an entry with Stream set. It is called once.
	Stream(file int) (Reader, error)
}

// Reader is io.Reader with a Close that ends a Read.
type Reader interface {
	Read(p []byte) (int, error)
	Close() error
}

// Sink keeps what is received. An error that wraps one of the errors below ends the transfer with the code that belongs to it.
type Sink interface {
	// Open is told what will be received, once, before anything else. It prepares the files with the given indices, and
	// returns the blocks that are verified and on the disk already, by index; nil where there are none.
	Open(o *Offer, files []int) ([]*content.Bitmap, error)
	// WriteBlock keeps a block that is verified.
	WriteBlock(file, block int, data []byte) error
	// ReadBlock reads a block that is verified, for other receivers. It returns a slice of p.
	ReadBlock(file, block int, p []byte) ([]byte, error)
	// Finish is told that all blocks of a file are verified, with its final size (streams); it makes the file visible. A file that
	// Open has said to be there already is finished too.
	// Folders, empty and inline files are finished without any block written: an inline file's bytes are in the entry.
	Finish(file int, size int64) error
}

// Errors that a Source or a Sink wraps to say what has happened.
var (
	ErrChanged    = errors.New("the file has changed")
	ErrGone       = errors.New("the file is not there any more")
	ErrNoSpace    = errors.New("the disk is full")
	ErrPermission = errors.New("the permission is missing")
)

// Offer is what a sender offers.
type Offer struct {
	wire.Offer
	Entries []content.Entry
	// Names are the paths to save the entries at, made safe (content.Names). A folder has no slash at its end.
	Names []string
}

// Ends of a session that are no faults. Serve and Run return nil only when all that was accepted is verified.
var (
	ErrDeclined  = errors.New("the files were declined")
	ErrCancelled = errors.New("the transfer was cancelled")
	ErrGaveUp    = errors.New("the peer has left before the transfer was complete") // what a Dialer's error is wrapped in
)

// PeerError is an error that the other side has told, or that ended the session there.
type PeerError struct {
	Code    wire.Code
	Message string
	Remote  bool // the other side has told it
}

func (e *PeerError) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Event is something to tell people about a session.
type Event struct {
	Kind    EventKind
	Peer    string // participant id, where one is concerned
	File    int    // index, where one is concerned
	Path    Path   // of EventPath
	Message string // for people, of EventChanged and EventLost
}

// EventKind is a kind of event.
type EventKind string

// The kinds.
const (
	EventPath     EventKind = "path"     // there is a lane, and this is how it travels
	EventLost     EventKind = "lost"     // no lane is left; the session waits for a new one
	EventAccepted EventKind = "accepted" // by the receiver
	EventVerified EventKind = "verified" // a file is whole at the receiver
	EventChanged  EventKind = "changed"  // a file cannot be sent as it was offered; it is left out
	EventPaused   EventKind = "paused"   // by the other side
	EventContinue EventKind = "continue" // by the other side
	EventSwarm    EventKind = "swarm"    // see Receiver.Swarm
	EventDone     EventKind = "done"     // everything is verified
)

// Progress is how far a session is.
type Progress struct {
	Total    int64         // bytes that were accepted; grows with a stream
	Verified int64         // bytes of them that are verified at the receiver
	Bytes    int64         // of payload that this session has moved, those of bad blocks and of other receivers included
	Files    int           // accepted
	Whole    int           // of them, verified
	Lanes    int           // alive
	Rate     float64       // bytes per second, over the last seconds
	Left     time.Duration // at that rate; 0: unknown
	Paused   bool          // by either side
	Path     Path          // of the first lane
}

// SendOptions is what a Sender needs.
type SendOptions struct {
	Entries []content.Entry
	Name    string // for people: of the file or the folder
	Note    string
	Source  Source
	Events  func(Event) // may be nil; called by several goroutines, must not block
}

// ReceiveOptions is what a Receiver needs.
type ReceiveOptions struct {
	Dialer Dialer
	Peer   string // participant id of the sender
	Sink   Sink
	// Decide says which files of an offer to take, by index; nil takes all. An error declines, with its text as the reason. It may
	// ask a person and block until ctx ends.
	Decide func(ctx context.Context, o *Offer) ([]int, error)
	// Swarm makes a dialer to another receiver of the same content, given the secret that the sender has told both, and says
	// whether this side opens that transfer. Nil, or a nil Dialer: blocks come from the sender alone.
	Swarm  func(secret [16]byte, peer string) (d Dialer, opens bool)
	Events func(Event) // may be nil; called by several goroutines, must not block
}
