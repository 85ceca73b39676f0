package auth

import (
	"errors"
	"testing"
)

// row is who may do one action. Each text has a letter or '-' for viewer, member, moderator, host, in this order.
type row struct {
	alone string   // actions without a target
	own   string   // oneself, or one's own message
	on    []string // targets: viewer, member, moderator, host
	grant string   // the only grant whose loss forbids it; "" is none
}

// onPeople is how moderators reach up to their own role; below is only lower roles, hosts excepted.
var (
	onPeople = []string{"--mh", "--mh", "--mh", "---h"}
	below    = []string{"--mh", "--mh", "---h", "---h"}
	nobody   = []string{"----", "----", "----", "----"}
)

var table = map[Action]row{
	ActionJoinLocked:   {alone: "--mh"},
	ActionSkipLobby:    {alone: "--mh"},
	ActionSkipPassword: {alone: "--mh"},
	ActionJoinFull:     {alone: "---h"},

	ActionPublishMicrophone:  {alone: "-emh", grant: "publish:microphone"},
	ActionPublishCamera:      {alone: "-emh", grant: "publish:camera"},
	ActionPublishScreen:      {alone: "-emh", grant: "publish:screen"},
	ActionPublishScreenAudio: {alone: "-emh", grant: "publish:screen-audio"},
	ActionSubscribe:          {alone: "vemh", grant: "subscribe"},

	ActionChat:          {alone: "vemh", grant: "chat"},
	ActionDirectMessage: {alone: "-emh", grant: "chat"},
	ActionReact:         {alone: "vemh", grant: "chat"},
	ActionEditMessage:   {own: "vemh", on: nobody, grant: "chat"},
	ActionDeleteMessage: {own: "vemh", on: onPeople},
	ActionSendData:      {alone: "-emh", grant: "data"},
	ActionSendFile:      {alone: "-emh", grant: "files"},

	ActionMute:         {own: "vemh", on: onPeople},
	ActionStopVideo:    {own: "vemh", on: onPeople},
	ActionAllowSource:  {own: "--mh", on: onPeople},
	ActionRemove:       {own: "----", on: below},
	ActionBan:          {own: "----", on: below},
	ActionUnban:        {alone: "--mh"},
	ActionAdmit:        {alone: "--mh"},
	ActionRefuse:       {alone: "--mh"},
	ActionSetRole:      {own: "vemh", on: below},
	ActionSetAccess:    {alone: "--mh"},
	ActionSetPassword:  {alone: "---h"},
	ActionSetMaxPeople: {alone: "---h"},
	ActionEndForAll:    {alone: "--mh"},

	ActionRecord:     {alone: "--mh", grant: "record"},
	ActionReadEvents: {alone: "--mh"},
	ActionMintInvite: {alone: "--mh"},
	ActionAdminAPI:   {alone: "---h", grant: "admin"},
}

func everything() Grants {
	g, _ := ParseGrants(GrantNames())
	return g
}

func TestPolicy(t *testing.T) {
	for _, do := range Actions() {
		want, listed := table[do]
		if !listed {
			t.Errorf("%s (%d) is not in the table of this test: say who may", do, do)
			continue
		}
		if rules[do].verb == "" {
			t.Errorf("action %d has no rule", do)
		}
		for i, role := range Roles {
			actor := Actor{ID: "me", Role: role, Grants: everything()}
			check := func(situation string, allowed string, target Target) {
				t.Helper()
				if got := May(actor, do, target) == nil; got != (allowed[i] != '-') {
					t.Errorf("%s, %s, %s: allowed %v", role, do, situation, got)
				}
			}
			if want.alone != "" {
				check("alone", want.alone, Target{Give: RoleViewer})
				continue
			}
			check("own", want.own, Target{ID: "me", Role: role, Give: RoleViewer})
			for j, on := range Roles {
				check("on a "+string(on), want.on[j], Target{ID: "you", Role: on, Give: RoleViewer})
			}
		}
	}
	if len(table) != len(Actions()) {
		t.Errorf("the table has %d lines for %d actions", len(table), len(Actions()))
	}
}

func TestPolicyNeedsGrants(t *testing.T) {
	for _, do := range Actions() {
		for _, name := range GrantNames()[1:] {
			g := everything()
			for _, f := range g.fields() {
				if f.name == name {
					*f.on = false
				}
			}
			err := May(Actor{"me", RoleHost, g}, do, Target{ID: "me", Role: RoleHost, Give: RoleViewer})
			var refusal *Refusal
			missing := errors.As(err, &refusal) && refusal.Cause == CauseGrant
			if missing != (table[do].grant == name) {
				t.Errorf("%s without %s: %v", do, name, err)
			}
		}
	}
}

func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	for _, role := range Roles[2:] {
		for _, give := range append([]Role{"", "captain"}, Roles...) {
			a := Actor{"me", role, GrantsOf(role)}
			want := give.Valid() && role.AtLeast(give)
			if got := May(a, ActionSetRole, Target{ID: "you", Role: RoleViewer, Give: give}) == nil; got != want {
				t.Errorf("%s makes a viewer a %q: %v", role, give, got)
			}
			if got := May(a, ActionMintInvite, Target{Give: give, Grants: AllGrants()}) == nil; got != want {
				t.Errorf("%s invites a %q: %v", role, give, got)
			}
		}
		if May(Actor{"me", role, AllGrants()}, ActionMintInvite, Target{Give: RoleMember, Grants: Grants{Record: true}}) == nil {
			t.Errorf("%s gives a grant that they have not", role)
		}
	}
	if May(Actor{"me", RoleMember, AllGrants()}, ActionSetRole, Target{ID: "me", Role: RoleMember, Give: RoleModerator}) == nil {
		t.Error("a member makes himself a moderator")
	}
}

func TestPolicyFailsClosed(t *testing.T) {
	all := everything()
	for name, err := range map[string]error{
		"no role":             May(Actor{"me", "", all}, ActionChat, Target{}),
		"unknown role":        May(Actor{"me", "captain", all}, ActionChat, Target{}),
		"the role of nobody":  May(Actor{"me", never, all}, ActionEditMessage, Target{ID: "you"}),
		"unknown action":      May(Actor{"me", RoleHost, all}, actions, Target{}),
		"no id owns nothing":  May(Actor{"", RoleMember, all}, ActionDeleteMessage, Target{}),
		"author of no id":     May(Actor{"me", RoleMember, all}, ActionDeleteMessage, Target{}),
		"nobody's own":        May(Actor{"", RoleMember, all}, ActionMute, Target{}),
		"no grants":           May(Actor{"me", RoleHost, Grants{}}, ActionAdminAPI, Target{}),
		"admin, but a member": May(Actor{"me", RoleMember, all}, ActionAdminAPI, Target{}),
	} {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Message == "" || err.Error() != refusal.Message {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGrants(t *testing.T) {
	for n := range uint16(1 << 10) {
		g := grantsOfBits(n)
		if g.bits() != n {
			t.Fatalf("bits %b became %b", n, g.bits())
		}
		if again, unknown := ParseGrants(g.Names()); again != g || unknown != nil {
			t.Fatalf("%+v became %+v by its names %q", g, again, g.Names())
		}
	}
	if _, unknown := ParseGrants([]string{"chat", "fly"}); len(unknown) != 1 || unknown[0] != "fly" {
		t.Errorf("unknown = %q", unknown)
	}
	if g := GrantsOf(RoleHost); g.Admin || !g.Record || GrantsOf(RoleMember).Record {
		t.Error("admin comes unasked, or record goes to the wrong roles")
	}
}
