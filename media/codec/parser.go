package codec

// Extensions are the negotiated ids of the header extensions that the server reads; 0: not negotiated.
type Extensions struct {
	AudioLevel           uint8 // urn:ietf:params:rtp-hdrext:ssrc-audio-level, RFC 6464
	DependencyDescriptor uint8 // https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension
}

// Parser reads the packets of one SSRC. It remembers the last dependency structure, picture id and timestamp.
type Parser struct {
	kind Kind
	ids  Extensions

	structure structure
	lastID    uint16
	seen      bool   // lastFrame is valid
	lastFrame uint32 // timestamp of the newest frame
}

// NewParser makes a parser for one SSRC.
func NewParser(k Kind, ids Extensions) *Parser { return &Parser{kind: k, ids: ids} }

// Kind is the codec given to NewParser.
func (p *Parser) Kind() Kind { return p.kind }

// Parse reads packet b into out. An error means that b must be dropped; out is then undefined. It does not keep b.
// Packets of padding alone have no Picture.
func (p *Parser) Parse(b []byte, out *Packet) error {
	out.Level, out.Picture = Level{}, Picture{}
	if err := out.Header.Parse(b); err != nil {
		return err
	}
	if e := out.Extension(b, p.ids.AudioLevel); len(e) > 0 {
		out.Level = Level{OK: true, Voice: e[0]&0x80 != 0, Value: e[0] & 0x7F}
	}
	if out.PaddingOnly() {
		return nil
	}
	payload, pic := b[out.Payload:out.End], &out.Picture
	switch p.kind {
	case VP8:
		pic.End = out.Marker
		if err := p.parseVP8(payload, pic); err != nil {
			return err
		}
	case VP9:
		if err := p.parseVP9(payload, pic); err != nil {
			return err
		}
	case H264:
		pic.Start, pic.End = p.newFrame(out.Timestamp), out.Marker
		if err := parseH264(payload, pic); err != nil {
			return err
		}
	case AV1:
		pic.Start, pic.End = p.newFrame(out.Timestamp), out.Marker
		// Aggregation header |Z|Y| W |N|-|-|-|; N starts a coded video sequence (AV1 RTP spec §4.4).
		pic.Keyframe = payload[0]&0x08 != 0
	default:
		pic.Start, pic.End, pic.Keyframe = true, true, true
	}
	if p.kind == Opus || p.kind == Other {
		return nil
	}
	if e := out.Extension(b, p.ids.DependencyDescriptor); e != nil {
		p.structure.read(e, pic)
	}
	return nil
}

// oldFrame is how far back (10 s at 90 kHz) a timestamp may lie to be one of a late packet and not of a restarted clock.
const oldFrame = 900_000

// newFrame tells that the timestamp is newer than all before: of codecs without a mark, the frame's first packet to come.
func (p *Parser) newFrame(ts uint32) bool {
	if age := int32(p.lastFrame - ts); p.seen && age >= 0 && age < oldFrame {
		return false
	}
	p.seen, p.lastFrame = true, ts
	return true
}
