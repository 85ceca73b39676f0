package store

import "errors"

// What callers test for with errors.Is. Errors that backends return wrap one of these, or the error of a context.
var (
	ErrConflict    = errors.New("store: somebody else has appended first")
	ErrGone        = errors.New("store: the room is not there in this epoch")
	ErrTrimmed     = errors.New("store: the records asked for are not kept any more")
	ErrAhead       = errors.New("store: the log ends before the record that was named")
	ErrInvalid     = errors.New("store: invalid argument")
	ErrFull        = errors.New("store: no space left to write")
	ErrUnavailable = errors.New("store: does not answer")
	ErrCorrupt     = errors.New("store: damaged or foreign data")
	ErrClosed      = errors.New("store: closed")
)

// Unknown reports whether err leaves open if a change has happened: the caller must look before it decides anew. See Store.Append.
func Unknown(err error) bool {
	if err == nil {
		return false
	}
	for _, known := range []error{ErrConflict, ErrGone, ErrTrimmed, ErrAhead, ErrInvalid, ErrFull, ErrCorrupt, ErrClosed} {
		if errors.Is(err, known) {
			return false
		}
	}
	return true
}
