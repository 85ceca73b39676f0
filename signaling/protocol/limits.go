package protocol

// Bounds of what a message may contain. Lengths of text are in characters (Unicode code points), of the rest in bytes.
const (
	MaxFrame       = 256 << 10      // bytes of one message
	MaxDepth       = 8              // of nested objects and arrays
	MaxID          = 64             // characters of a command's id
	MaxRoom        = 64             // characters of a room id
	MaxName        = 64             // characters of a display name
	MaxParticipant = 32             // characters of a participant id
	MaxToken       = 4096           // bytes of a join token, a session secret or an epoch
	MaxSDP         = 128 << 10      // bytes of a session description
	MaxCandidate   = 1024           // bytes of a candidate; the longest have some 300
	MaxUfrag       = 256            // bytes of an ICE username fragment (RFC 8445 §5.3)
	MaxMid         = 32             // bytes of a mid
	MaxTracks      = 8              // m-lines that a client sends
	MaxPairs       = 64             // audio-video slots
	MaxAudio       = 32             // spare audio slots
	MaxWants       = 128            // wishes in a view
	MaxSide        = 16384          // pixels of an element's side
	MaxReason      = 200            // characters of a reason
	MaxChat        = 4000           // characters of a chat message
	MaxHistory     = 50             // chat messages in joined
	MaxUnacked     = 32             // commands that a client may have sent without an ack; the last 64 of a participant are recognised when they come again
	MinKey         = 22             // characters of a join key: 128 bits
	MaxPage        = 100            // chat messages in history
	MaxEmoji       = 8              // characters of a reaction
	MinPassword    = 8              // characters of a room's password
	MaxPassword    = 128            // characters of a room's password
	MaxBan         = 30 * 24 * 3600 // seconds, as for an invite
	MaxUses        = 1000           // people that an invite lets in
	MaxKnocks      = 100            // people in knocks
	TransferID     = 22             // characters of a transfer's id: 128 bits
	MaxTransfer    = 32 << 10       // bytes of data in a step of a transfer
)
