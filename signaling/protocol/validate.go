package protocol

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidRoom reports whether id can be the id of a room: 1 to MaxRoom characters of a-z, 0-9, '-' and '_'.
func ValidRoom(id string) bool { return len(id) >= 1 && len(id) <= MaxRoom && only(id, roomAlphabet) }

// ValidName reports whether name can be shown as somebody's name: 1 to MaxName characters, not blank, none of which
// controls the terminal or the direction of the text around it.
func ValidName(name string) bool {
	shown := func(r rune) bool { return !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) } // Cf: zero-width space and its like
	if utf8.RuneCountInString(name) > MaxName || !strings.ContainsFunc(name, shown) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		// U+202A to U+202E and U+2066 to U+2069 reverse what stands beside the name (UAX #9 §2).
		return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
	})
}

const (
	roomAlphabet        = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	participantAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	keyAlphabet         = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// ValidParticipant reports whether id has the form of a participant id: 1 to MaxParticipant characters of a-z and 0-9.
func ValidParticipant(id string) bool {
	return len(id) >= 1 && len(id) <= MaxParticipant && only(id, participantAlphabet)
}

func only(s, alphabet string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
}

// validID accepts printable ASCII, the empty string included.
func validID(id string) bool { return len(id) <= MaxID && printable(id) }

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r > 0x7e })
}

func validMid(mid string) bool { return mid != "" && len(mid) <= MaxMid && printable(mid) }

// validate checks the values of a command whose names and types are right.
func validate(c Command) *Error {
	switch c := c.(type) {
	case *Join:
		return firstOf(id(c.ID), c.check)
	case *Resume:
		return firstOf(id(c.ID), c.check)
	case *Signal:
		return firstOf(id(c.ID), c.check)
	case *Transfer:
		return firstOf(id(c.ID), c.check)
	case *SFUOffer:
		return firstOf(id(c.ID), c.check)
	case *View:
		return firstOf(id(c.ID), c.check)
	case *State:
		return firstOf(id(c.ID))
	case *RouteReady:
		return firstOf(id(c.ID))
	case *RouteFailed:
		return firstOf(id(c.ID), text("reason", c.Reason, 0, MaxReason))
	case *Chat:
		return firstOf(required(c.ID), c.check)
	case *ChatEdit:
		return firstOf(required(c.ID), message(c.Message), said(c.Text))
	case *ChatDelete:
		return firstOf(required(c.ID), message(c.Message))
	case *ChatReact:
		return firstOf(required(c.ID), message(c.Message), emoji(c.Emoji))
	case *GetHistory:
		return firstOf(id(c.ID), between("limit", c.Limit, 0, MaxPage))
	case *SetTyping:
		return firstOf(id(c.ID), maybeParticipant("to", c.To))
	case *SendEmote:
		return firstOf(id(c.ID), emoji(c.Emoji))
	case *SetRoom:
		return firstOf(required(c.ID), c.check)
	case *SetRole:
		return firstOf(required(c.ID), participant("target", c.Target), role(c.Role))
	case *Mute:
		return firstOf(required(c.ID), maybeParticipant("target", c.Target), sources(c.Sources))
	case *Allow:
		return firstOf(required(c.ID), participant("target", c.Target), sources(c.Sources))
	case *Remove:
		return firstOf(required(c.ID), participant("target", c.Target), between("ban", c.Ban, 0, MaxBan))
	case *Admit:
		return firstOf(required(c.ID), maybeParticipant("knock", c.Knock))
	case *EndRoom:
		return firstOf(required(c.ID))
	case *SetRecording:
		return firstOf(required(c.ID))
	case *Refresh:
		return firstOf(required(c.ID), token(c.Token))
	case *GetInvite:
		return firstOf(required(c.ID), role(c.Role), between("seconds", c.Seconds, 1, MaxBan), between("uses", c.Uses, 0, MaxUses))
	case *GetCredentials:
		return firstOf(id(c.ID))
	case *Ping:
		return firstOf(id(c.ID))
	case *Leave:
		return firstOf(id(c.ID))
	}
	return nil
}

func firstOf(checks ...func() *Error) *Error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func id(id string) func() *Error {
	return func() *Error {
		if !validID(id) {
			return malformed("id must be at most %d printable ASCII characters without spaces", MaxID)
		}
		return nil
	}
}

func required(value string) func() *Error {
	return func() *Error {
		if value == "" {
			return malformed("id must be given: it makes a command that is sent twice happen once")
		}
		return id(value)()
	}
}

func text(field, value string, least, most int) func() *Error {
	return func() *Error {
		if n := utf8.RuneCountInString(value); n < least || n > most {
			return malformed("%s must have %d to %d characters, it has %d", field, least, most, n)
		}
		return nil
	}
}

func (c *Join) check() *Error {
	switch {
	case !ValidRoom(c.Room):
		return malformed("room must be 1 to %d characters of a-z, 0-9, - and _", MaxRoom)
	case !ValidName(c.Name):
		return malformed("name must be 1 to %d characters, not blank, without control characters", MaxName)
	case len(c.Token) > MaxToken:
		return malformed("token must have at most %d bytes", MaxToken)
	case utf8.RuneCountInString(c.Password) > MaxPassword:
		return malformed("password must have at most %d characters", MaxPassword)
	case c.Key != "" && (len(c.Key) < MinKey || len(c.Key) > MaxID || !only(c.Key, keyAlphabet)):
		return malformed("key must be %d to %d characters of base64url", MinKey, MaxID)
	case c.Mode != "" && c.Mode != ModeAuto && c.Mode != ModeP2P && c.Mode != ModeSFU && c.Mode != ModeFiles:
		return malformed("mode must be auto, p2p, sfu or files")
	case c.Offer != nil:
		return c.Offer.check()
	}
	return nil
}

func (c *Resume) check() *Error {
	if c.Session == "" || len(c.Session) > MaxToken || len(c.Epoch) > MaxToken {
		return malformed("session must be given; session and epoch have at most %d bytes", MaxToken)
	}
	return nil
}

func (c *Signal) check() *Error {
	switch {
	case !ValidParticipant(c.To):
		return malformed("to must be a participant id")
	case (c.Description == nil) == (c.Candidate == nil):
		return malformed("exactly one of description and candidate must be given")
	case c.Candidate != nil:
		return c.Candidate.check()
	}
	return c.Description.check()
}

func (d *Description) check() *Error {
	switch d.Type {
	case SDPOffer, SDPAnswer:
		if d.SDP == "" {
			return malformed("sdp must be given")
		}
	case SDPRollback:
	default:
		return malformed("description type must be offer, answer or rollback")
	}
	if len(d.SDP) > MaxSDP {
		return malformed("sdp must have at most %d bytes", MaxSDP)
	}
	return checkTracks(d.Tracks)
}

func (c *Candidate) check() *Error {
	switch {
	case len(c.Candidate) > MaxCandidate || strings.ContainsAny(c.Candidate, "\r\n"):
		return malformed("candidate must be one line of at most %d bytes", MaxCandidate)
	case c.SDPMid != "" && !validMid(c.SDPMid):
		return malformed("sdpMid must have at most %d printable characters", MaxMid)
	case c.SDPMLineIndex < 0 || c.SDPMLineIndex > 1024:
		return malformed("sdpMLineIndex must be 0 to 1024")
	case len(c.UsernameFragment) > MaxUfrag || !printable(c.UsernameFragment):
		return malformed("usernameFragment must have at most %d printable characters", MaxUfrag)
	}
	return nil
}

func (c *SFUOffer) check() *Error {
	switch {
	case c.SDP == "" || len(c.SDP) > MaxSDP:
		return malformed("sdp must have 1 to %d bytes", MaxSDP)
	case len(c.Pairs) > MaxPairs:
		return malformed("at most %d pairs are allowed", MaxPairs)
	case len(c.Audio) > MaxAudio:
		return malformed("at most %d audio slots are allowed", MaxAudio)
	}
	if err := checkTracks(c.Tracks); err != nil {
		return err
	}
	mids := append(slices.Collect(maps.Keys(c.Tracks)), c.Audio...)
	for _, p := range c.Pairs {
		mids = append(mids, p.Audio, p.Video)
	}
	seen := make(map[string]bool, len(mids))
	for _, mid := range mids {
		if !validMid(mid) {
			return malformed("a mid must be 1 to %d printable characters", MaxMid)
		}
		if seen[mid] {
			return malformed("mid %q is used twice", mid)
		}
		seen[mid] = true
	}
	return nil
}

func checkTracks(tracks map[string]Source) *Error {
	if len(tracks) > MaxTracks {
		return malformed("at most %d tracks are allowed", MaxTracks)
	}
	seen := make(map[Source]bool, len(tracks))
	for _, mid := range slices.Sorted(maps.Keys(tracks)) {
		switch s := tracks[mid]; {
		case !validMid(mid):
			return malformed("a mid must be 1 to %d printable characters", MaxMid)
		case s != Microphone && s != Camera && s != Screen && s != ScreenAudio:
			return malformed("a source must be microphone, camera, screen or screen-audio")
		case seen[s]:
			return malformed("source %s is given twice", s)
		default:
			seen[s] = true
		}
	}
	return nil
}

func (c *View) check() *Error {
	if len(c.Wants) > MaxWants {
		return malformed("at most %d wants are allowed", MaxWants)
	}
	for _, w := range c.Wants {
		switch {
		case !ValidParticipant(w.Participant):
			return malformed("participant must be a participant id")
		case w.Source != Camera && w.Source != Screen:
			return malformed("the source of a want must be camera or screen")
		case w.Width < 0 || w.Width > MaxSide || w.Height < 0 || w.Height > MaxSide:
			return malformed("width and height must be 0 to %d", MaxSide)
		case w.Priority < 0 || w.Priority > 100:
			return malformed("priority must be 0 to 100")
		}
	}
	return nil
}
