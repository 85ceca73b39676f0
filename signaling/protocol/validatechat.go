package protocol

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

func (c *Chat) check() *Error {
	return firstOf(maybeParticipant("to", c.To), said(c.Text))
}

func (c *SetRoom) check() *Error {
	switch {
	case c.Access != "" && c.Access != AccessOpen && c.Access != AccessLobby && c.Access != AccessLocked:
		return malformed("access must be open, lobby or locked")
	case c.People < 0:
		return malformed("people must not be negative")
	case c.Password == nil || *c.Password == "":
		return nil
	case !utf8.ValidString(*c.Password):
		return malformed("password must be UTF-8")
	}
	return text("password", *c.Password, MinPassword, MaxPassword)()
}

// said checks the text of a message: not blank, and of a length that people read.
func said(value string) func() *Error {
	return func() *Error {
		if strings.TrimSpace(value) == "" {
			return malformed("text must not be blank")
		}
		return text("text", value, 1, MaxChat)()
	}
}

func message(seq uint64) func() *Error {
	return func() *Error {
		if seq == 0 {
			return malformed("message must be the seq of a chat message")
		}
		return nil
	}
}

// emoji accepts what can be one emoji: no letters, digits alone, spaces or control characters, so that a reaction is no second chat.
func emoji(value string) func() *Error {
	return func() *Error {
		n := utf8.RuneCountInString(value)
		symbol := strings.ContainsFunc(value, func(r rune) bool {
			return unicode.Is(unicode.So, r) || unicode.Is(unicode.Me, r) || r >= 0x2190 && r <= 0x2bff
		})
		foreign := strings.ContainsFunc(value, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsSpace(r) || unicode.IsControl(r) })
		if n < 1 || n > MaxEmoji || !symbol || foreign || !utf8.ValidString(value) {
			return malformed("emoji must be one emoji of at most %d code points", MaxEmoji)
		}
		return nil
	}
}

func between(field string, value, least, most int) func() *Error {
	return func() *Error {
		if value < least || value > most {
			return malformed("%s must be %d to %d", field, least, most)
		}
		return nil
	}
}

func participant(field, value string) func() *Error {
	return func() *Error {
		if !ValidParticipant(value) {
			return malformed("%s must be an id of %d characters at most", field, MaxParticipant)
		}
		return nil
	}
}

func maybeParticipant(field, value string) func() *Error {
	if value == "" {
		return func() *Error { return nil }
	}
	return participant(field, value)
}

func role(value Role) func() *Error {
	return func() *Error {
		if !slices.Contains([]Role{RoleViewer, RoleMember, RoleModerator, RoleHost}, value) {
			return malformed("role must be viewer, member, moderator or host")
		}
		return nil
	}
}

func sources(list []Source) func() *Error {
	return func() *Error {
		if len(list) == 0 || len(list) > 4 {
			return malformed("sources must be 1 to 4 sources")
		}
		for i, s := range list {
			if s != Microphone && s != Camera && s != Screen && s != ScreenAudio || slices.Contains(list[:i], s) {
				return malformed("a source must be microphone, camera, screen or screen-audio, each once")
			}
		}
		return nil
	}
}

func token(value string) func() *Error {
	return func() *Error {
		if value == "" || len(value) > MaxToken {
			return malformed("token must have 1 to %d bytes", MaxToken)
		}
		return nil
	}
}
