package layer

// Size is a picture's, in pixels.
type Size struct{ Width, Height int }

// Pick returns the smallest of the available encodings (bit i of available: encoding i) that fills the wanted size
// with little enlarging, else the largest; None when none is available. A wanted size of zero is the smallest one.
// sizes are those of the encodings, smallest first; a zero size is taken for half of the next larger one's sides, the
// largest for 1280×720. Orientation plays no part.
func Pick(want Size, sizes []Size, available uint8) int { panic("soon") }
