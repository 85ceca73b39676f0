package codec

import (
	"encoding/binary"

	"github.com/confab/confab/media/bits"
)

// Decode target indications (AV1 RTP spec, A.8.3.3).
const (
	dtiAbsent = 0
	dtiSwitch = 2
)

const (
	maxTemplates = 64
	maxTargets   = 32
)

// structure is what is kept of a template dependency structure.
type structure struct {
	templates, targets uint8 // counts; no templates: none has come
	offset             uint8 // id of the first template
	spatial, temporal  [maxTemplates]uint8
	joinable           [maxTemplates]bool  // switch indication for the decode target of the template's own layers
	up                 [maxTemplates]uint8 // highest temporal layer with a switch indication, in the template's spatial layer
	// layers of a decode target: the highest of the templates that belong to it
	targetSpatial, targetTemporal [maxTargets]uint8
	width, height                 uint16
}

// read lays what dependency descriptor d says over pic. A descriptor that is broken, or whose structure was missed, changes
// nothing but what the mandatory fields say.
func (s *structure) read(d []byte, pic *Picture) {
	if len(d) < 3 {
		return
	}
	start, template := d[0]&0x80 != 0, d[0]&0x3F
	pic.HasFrame, pic.Frame = true, binary.BigEndian.Uint16(d[1:])
	pic.Start, pic.End, pic.Keyframe = start, d[0]&0x40 != 0, false
	r := bits.Over(d[3:])

	var customTargets bool
	if len(d) > 3 {
		attached, active := r.Flag(), r.Flag()
		customTargets = r.Flag()
		r.Read(2) // custom fdiffs and chains: not of interest
		if attached {
			var fresh structure
			if !fresh.parse(&r) {
				return
			}
			*s = fresh
			pic.Keyframe = start
			if s.width > 0 {
				pic.Width, pic.Height = s.width, s.height
			}
		}
		if active {
			r.Read(int(s.targets))
		}
	}
	i := (template - s.offset) & 63
	if i >= s.templates {
		return
	}
	pic.Spatial, pic.Temporal, pic.Switch = s.spatial[i], s.temporal[i], s.joinable[i]
	pic.Up = s.up[i]
	if customTargets {
		pic.Switch, pic.Up = false, 0
		for t := range s.targets {
			if r.Read(2) == dtiSwitch {
				s.allow(t, i, &pic.Switch, &pic.Up)
			}
		}
	}
}

// allow notes what a switch indication of template i for decode target t allows.
func (s *structure) allow(t, i uint8, join *bool, up *uint8) {
	if s.targetSpatial[t] != s.spatial[i] {
		return
	}
	*up = max(*up, s.targetTemporal[t])
	*join = *join || s.targetTemporal[t] == s.temporal[i]
}

// parse reads template_dependency_structure() (A.8.2) up to the end. False: broken.
func (s *structure) parse(r *bits.Reader) bool {
	s.offset = uint8(r.Read(6))
	s.targets = uint8(r.Read(5)) + 1
	var spatial, temporal uint8
	for more := true; more; {
		if s.templates == maxTemplates || r.Short() {
			return false
		}
		s.spatial[s.templates], s.temporal[s.templates] = spatial, temporal
		s.templates++
		switch r.Read(2) { // next_layer_idc
		case 1:
			temporal++
		case 2:
			temporal = 0
			spatial++
		case 3:
			more = false
		}
	}
	var dti [maxTemplates][maxTargets]uint8
	for i := range s.templates {
		for t := range s.targets {
			dti[i][t] = uint8(r.Read(2))
			if dti[i][t] != dtiAbsent {
				s.targetSpatial[t] = max(s.targetSpatial[t], s.spatial[i])
				s.targetTemporal[t] = max(s.targetTemporal[t], s.temporal[i])
			}
		}
	}
	for range s.templates {
		for r.Flag() { // fdiff_follows_flag
			r.Read(4)
		}
	}
	if chains := r.NonSymmetric(uint32(s.targets) + 1); chains > 0 {
		for range s.targets {
			r.NonSymmetric(chains)
		}
		for range uint32(s.templates) * chains {
			r.Read(4)
		}
	}
	if r.Flag() { // resolutions_present_flag
		for range spatial + 1 {
			s.width, s.height = uint16(r.Read(16)+1), uint16(r.Read(16)+1)
		}
	}
	for i := range s.templates {
		for t := range s.targets {
			if dti[i][t] == dtiSwitch {
				s.allow(t, i, &s.joinable[i], &s.up[i])
			}
		}
	}
	return !r.Short()
}
