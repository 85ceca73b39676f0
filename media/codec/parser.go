package codec

// Extensions are the negotiated ids of the header extensions that the server reads; 0: not negotiated.
type Extensions struct {
	AudioLevel           uint8 // urn:ietf:params:rtp-hdrext:ssrc-audio-level, RFC 6464
	DependencyDescriptor uint8 // https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension
}

// Parser reads the packets of one SSRC. It remembers the last dependency structure and the last picture id.
type Parser struct {
	kind Kind
	ids  Extensions
}

// NewParser makes a parser for one SSRC.
func NewParser(k Kind, ids Extensions) *Parser { return &Parser{kind: k, ids: ids} }

// Kind is the codec given to NewParser.
func (p *Parser) Kind() Kind { return p.kind }

// Parse reads packet b into out. An error means that b must be dropped; out is then undefined. It does not keep b.
func (p *Parser) Parse(b []byte, out *Packet) error { panic("soon") }
