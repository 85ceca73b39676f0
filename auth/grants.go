package auth

import "slices"

// Grants are what a token allows. They and the role both have to allow an act: grants say what the bearer may use, the role
// what the bearer is in the room.
type Grants struct {
	Microphone  bool // send the microphone
	Camera      bool // send the camera
	Screen      bool // send the picture of a screen
	ScreenAudio bool // send the sound of a screen
	Subscribe   bool // receive audio and video
	Chat        bool // write to the chat and react
	Data        bool // send on data channels
	Files       bool // offer files
	Record      bool // record the room, from RoleModerator on
	Admin       bool // use the admin API for the rooms of the token, as RoleHost
}

// AllGrants are those of an ordinary participant: all but Record and Admin.
func AllGrants() Grants {
	return Grants{
		Microphone: true, Camera: true, Screen: true, ScreenAudio: true,
		Subscribe: true, Chat: true, Data: true, Files: true,
	}
}

// GrantsOf are those that a token for the role has when nothing else is said: all of a participant, and Record from
// RoleModerator on. A viewer has them too: the role keeps a viewer from using them, and whoever is made a member can.
// Admin is never given unasked.
func GrantsOf(r Role) Grants {
	g := AllGrants()
	g.Record = r.AtLeast(RoleModerator)
	return g
}

// Publish reports whether any audio or video may be sent.
func (g Grants) Publish() bool { return g.Microphone || g.Camera || g.Screen || g.ScreenAudio }

// Within reports whether other has every grant of g.
func (g Grants) Within(other Grants) bool { return g.bits()&^other.bits() == 0 }

// publish is the name that stands for all four sources. It is what tokens said before sources had names of their own.
const publish = "publish"

type grant struct {
	name string
	on   *bool
}

// fields pairs each name with its field. The place is the bit of an invite: a new grant goes to the end.
func (g *Grants) fields() []grant {
	return []grant{
		{"publish:microphone", &g.Microphone}, {"publish:camera", &g.Camera},
		{"publish:screen", &g.Screen}, {"publish:screen-audio", &g.ScreenAudio},
		{"subscribe", &g.Subscribe}, {"chat", &g.Chat}, {"data", &g.Data}, {"files", &g.Files},
		{"record", &g.Record}, {"admin", &g.Admin},
	}
}

// sources is how many of fields are sources.
const sources = 4

// Names lists the grants as tokens spell them, "publish" standing for all four sources.
func (g Grants) Names() []string {
	var names []string
	fields := g.fields()
	if g.Microphone && g.Camera && g.Screen && g.ScreenAudio {
		names, fields = append(names, publish), fields[sources:]
	}
	for _, f := range fields {
		if *f.on {
			names = append(names, f.name)
		}
	}
	return names
}

// ParseGrants reads names as tokens spell them. Unknown ones are returned beside the grants: a token's are of a later
// version and grant nothing; on a command line they are a mistake.
func ParseGrants(names []string) (g Grants, unknown []string) {
	fields := g.fields()
	for _, name := range names {
		if name == publish {
			g.Microphone, g.Camera, g.Screen, g.ScreenAudio = true, true, true, true
			continue
		}
		i := slices.IndexFunc(fields, func(f grant) bool { return f.name == name })
		if i < 0 {
			unknown = append(unknown, name)
			continue
		}
		*fields[i].on = true
	}
	return g, unknown
}

// GrantNames lists every name that ParseGrants knows.
func GrantNames() []string {
	var g Grants
	names := []string{publish}
	for _, f := range g.fields() {
		names = append(names, f.name)
	}
	return names
}

// bits has bit n set when field n is.
func (g Grants) bits() (bits uint16) {
	for n, f := range g.fields() {
		if *f.on {
			bits |= 1 << n
		}
	}
	return bits
}

// grantsOf is the inverse of bits; bits of a later version grant nothing.
func grantsOfBits(bits uint16) (g Grants) {
	for n, f := range g.fields() {
		*f.on = bits&(1<<n) != 0
	}
	return g
}
