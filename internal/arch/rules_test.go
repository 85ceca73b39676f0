package arch

// rule is what one package may do.
type rule struct {
	imports []string // packages of ours; "media/..." is media and all below it
	pure    bool     // no clock, socket, lock, goroutine, channel, log or randomness
	pion    bool     // may import pion
}

// rules lists every package of the module. Test files may import more.
var rules = map[string]rule{
	"auth":          {pure: true},
	"auth/verifier": {imports: []string{"auth"}}, // fetches JWK sets

	"api":     {imports: []string{"signaling", "signaling/protocol", "auth", "store"}},
	"webhook": {imports: []string{"signaling/room", "auth"}},

	"signaling":              {imports: []string{"signaling/room", "signaling/protocol", "signaling/sdpfrag", "auth", "store", "store/memory"}}, // never media: cmd/sfu introduces them
	"signaling/sdpfrag":      {pure: true},
	"signaling/room":         {imports: []string{"signaling/protocol", "auth"}, pure: true},
	"signaling/protocol":     {pure: true},
	"signaling/protocol/gen": {imports: []string{"signaling/protocol"}},

	"media":           {imports: []string{"media/..."}, pion: true},
	"media/udp":       {},
	"media/transport": {imports: []string{"media/udp"}, pion: true},
	"media/answer":    {imports: []string{"media/codec"}, pure: true, pion: true}, // pion/sdp is a parser
	"media/bits":      {pure: true},
	"media/codec":     {imports: []string{"media/bits"}, pure: true},
	"media/frames":    {imports: []string{"media/bits", "media/codec"}, pure: true, pion: true}, // pion/rtp has the payload formats
	"media/keyframe":  {pure: true},
	"media/layer":     {imports: []string{"media/codec"}, pure: true},
	"media/level":     {pure: true},
	"media/loss":      {pure: true},
	"media/record":    {imports: []string{"media/codec", "media/frames", "media/seq"}},
	"media/ring":      {pure: true},
	"media/seq":       {pure: true},
	"media/slots":     {pure: true},

	"relay":         {imports: []string{"relay/policy", "relay/forward", "relay/mmsg", "auth", "internal/quicktcp"}, pion: true},
	"relay/forward": {imports: []string{"relay/policy"}, pure: true},
	"relay/mmsg":    {},
	"relay/policy":  {pure: true},
	"relay/doctor":  {imports: []string{"auth"}, pion: true},

	"transfer":         {pure: true}, // its doc.go alone
	"transfer/content": {pure: true},
	"transfer/wire":    {imports: []string{"transfer/content"}, pure: true},
	"transfer/plan":    {imports: []string{"transfer/content"}, pure: true},
	"transfer/rtc":     {imports: []string{"transfer/session"}, pion: true},
	"transfer/session": {imports: []string{"transfer/content", "transfer/wire", "transfer/plan"}},

	"store":              {},
	"store/internal/hub": {imports: []string{"store"}},
	"store/memory":       {imports: []string{"store", "store/internal/hub"}},
	"store/sqlite":       {imports: []string{"store", "store/internal/hub"}},
	"store/storetest":    {imports: []string{"store"}},
	"store/faulty":       {imports: []string{"store"}},
	"store/postgres":     {imports: []string{"store", "store/internal/hub"}},
	"store/redis":        {imports: []string{"store", "store/internal/hub"}},
	"store/backend":      {imports: []string{"store", "store/memory", "store/sqlite", "store/postgres", "store/redis"}},

	"web":              {},
	"web/build":        {imports: []string{"web/build/bundle"}},
	"web/build/bundle": {},

	"internal/arch":       {},
	"internal/certfile":   {},
	"internal/cli":        {imports: []string{"internal/config"}},
	"internal/compose":    {imports: []string{"signaling", "signaling/protocol", "media", "media/record"}},
	"internal/config":     {},
	"internal/config/gen": {},
	"internal/doctorcmd":  {imports: []string{"internal/cli", "internal/config", "relay/doctor"}},
	"internal/filebench":  {imports: []string{"transfer/content", "transfer/rtc", "transfer/session"}},
	"internal/ops":        {},
	"internal/sigbench":   {imports: []string{"signaling", "signaling/protocol"}},
	"internal/turnbench":  {imports: []string{"relay/mmsg", "auth"}, pion: true}, // a stock pion/turn server is what we are compared with
	"internal/portmux":    {imports: []string{"internal/quicktcp"}},
	"internal/quicktcp":   {},
	"internal/netlab":     {imports: []string{"..."}, pion: true}, // the whole service in virtual time

	"cmd/sfu":  {imports: []string{"..."}},
	"cmd/turn": {imports: []string{"relay", "relay/...", "auth", "internal/...", "media/udp"}},
}

// The longest file, in lines, of source that people write. A test may be longer: it is a list of cases, not one thought.
const (
	maxLines     = 450
	maxTestLines = 600
)
