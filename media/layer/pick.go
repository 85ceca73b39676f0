package layer

// Size is a picture's, in pixels.
type Size struct{ Width, Height int }

func (s Size) area() int { return s.Width * s.Height }

// usual is the largest encoding of a camera when it has not shown its size yet.
var usual = Size{1280, 720}

// Pick returns the smallest of the available encodings (bit i of available: encoding i) that fills the wanted size
// with little enlarging, else the largest; None when none is available. A wanted size of zero is the smallest one.
// sizes are those of the encodings, smallest first; a zero size is taken for half of the next larger one's sides, the
// largest for 1280×720. Orientation plays no part.
func Pick(want Size, sizes []Size, available uint8) int {
	best, size := None, usual
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i].area() > 0 {
			size = sizes[i]
		}
		// Enlarging each side by up to 1.22 (half as many pixels again) is hard to see, and saves the next encoding's bits.
		if available>>i&1 != 0 && (best == None || 2*want.area() <= 3*size.area()) {
			best = i
		}
		size = Size{size.Width / 2, size.Height / 2}
	}
	return best
}
