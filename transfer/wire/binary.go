package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/confab/confab/transfer/content"
)

// Bounds of binary messages.
const (
	MaxPayload = 64 << 10 // bytes of a DATA
	MaxBitmap  = 8 << 10  // bytes of a HAVE
	MaxLeaves  = 1024     // of an ASK or HASHES
	MaxBinary  = dataHeader + MaxPayload

	dataHeader  = 1 + 4 + 8
	rangeLen    = 1 + 4 + 8 + 4
	pieceHeader = 1 + 4 + 4
	askLen      = 1 + 4 + 4 + 4
)

const (
	typeData    = 1
	typeRequest = 2
	typeHave    = 3
	typeCancel  = 4
	typeAsk     = 5
	typeHashes  = 6
)

// ErrFrame is what errors about binary messages wrap.
var ErrFrame = errors.New("not a message of a transfer")

// Frame is a binary message: Data, Request, Have, Cancel, Ask or Hashes.
type Frame interface{ append(to []byte) []byte }

// Data brings bytes of a file. Payload, when parsed, is part of the message that was read.
type Data struct {
	File    uint32
	Offset  int64
	Payload []byte
}

// Request asks for a range, which lies within one block.
type Request struct {
	File   uint32
	Offset int64
	Length int
}

// Cancel takes a Request back.
type Cancel Request

// Have tells what blocks the sender of the message has verified.
type Have struct {
	File   uint32
	First  int // a multiple of 8
	Bitmap []byte
}

// Ask asks for leaves of a file.
type Ask struct {
	File  uint32
	First int
	Count int
}

// Hashes brings leaves of a file.
type Hashes struct {
	File   uint32
	First  int
	Leaves []content.Hash
}

// Append appends the encoding of f, whose values are within the bounds.
func Append(to []byte, f Frame) []byte { return f.append(to) }

func (d Data) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(append(to, typeData), d.File)
	return append(binary.BigEndian.AppendUint64(to, uint64(d.Offset)), d.Payload...)
}

func (r Request) append(to []byte) []byte { return r.as(typeRequest, to) }
func (c Cancel) append(to []byte) []byte  { return Request(c).as(typeCancel, to) }

func (r Request) as(typ byte, to []byte) []byte {
	to = binary.BigEndian.AppendUint32(append(to, typ), r.File)
	to = binary.BigEndian.AppendUint64(to, uint64(r.Offset))
	return binary.BigEndian.AppendUint32(to, uint32(r.Length))
}

func (h Have) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(append(to, typeHave), h.File)
	return append(binary.BigEndian.AppendUint32(to, uint32(h.First)), h.Bitmap...)
}

func (a Ask) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(append(to, typeAsk), a.File)
	to = binary.BigEndian.AppendUint32(to, uint32(a.First))
	return binary.BigEndian.AppendUint32(to, uint32(a.Count))
}

func (h Hashes) append(to []byte) []byte {
	to = binary.BigEndian.AppendUint32(append(to, typeHashes), h.File)
	to = binary.BigEndian.AppendUint32(to, uint32(h.First))
	for i := range h.Leaves {
		to = append(to, h.Leaves[i][:]...)
	}
	return to
}

// Parse reads a binary message. It checks all that can be checked without knowing the content: that a range lies within one block
// of a file of allowed size, and that counts are within bounds.
func Parse(b []byte) (Frame, error) {
	if len(b) < pieceHeader {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrFrame, len(b))
	}
	file := binary.BigEndian.Uint32(b[1:])
	if file >= content.MaxEntries {
		return nil, fmt.Errorf("%w: file %d", ErrFrame, file)
	}
	switch typ := b[0]; typ {
	case typeData:
		return parseData(file, b)
	case typeRequest, typeCancel:
		r, err := parseRange(file, b)
		if typ == typeCancel {
			return Cancel(r), err
		}
		return r, err
	case typeHave:
		h := Have{file, int(binary.BigEndian.Uint32(b[5:])), b[pieceHeader:]}
		if h.First%8 != 0 || len(h.Bitmap) == 0 || len(h.Bitmap) > MaxBitmap || h.First+8*len(h.Bitmap) > maxBlocks+7 {
			return nil, fmt.Errorf("%w: a bitmap of %d bytes from block %d", ErrFrame, len(h.Bitmap), h.First)
		}
		return h, nil
	case typeAsk:
		if len(b) != askLen {
			return nil, fmt.Errorf("%w: it has %d bytes", ErrFrame, len(b))
		}
		a := Ask{file, int(binary.BigEndian.Uint32(b[5:])), int(binary.BigEndian.Uint32(b[9:]))}
		if a.Count < 1 || a.Count > MaxLeaves || a.First+a.Count > maxBlocks {
			return nil, fmt.Errorf("%w: %d leaves from %d", ErrFrame, a.Count, a.First)
		}
		return a, nil
	case typeHashes:
		return parseHashes(file, b)
	}
	return nil, fmt.Errorf("%w: type %d", ErrFrame, b[0])
}

const maxBlocks = content.MaxSize / content.BlockSize

func parseData(file uint32, b []byte) (Frame, error) {
	if len(b) <= dataHeader || len(b) > MaxBinary {
		return nil, fmt.Errorf("%w: data in %d bytes", ErrFrame, len(b))
	}
	d := Data{file, int64(binary.BigEndian.Uint64(b[5:])), b[dataHeader:]}
	return d, checkRange(d.Offset, len(d.Payload))
}

func parseRange(file uint32, b []byte) (Request, error) {
	if len(b) != rangeLen {
		return Request{}, fmt.Errorf("%w: a range in %d bytes", ErrFrame, len(b))
	}
	length := binary.BigEndian.Uint32(b[13:])
	if length > content.BlockSize {
		return Request{}, fmt.Errorf("%w: a range of %d bytes", ErrFrame, length)
	}
	r := Request{file, int64(binary.BigEndian.Uint64(b[5:])), int(length)}
	return r, checkRange(r.Offset, r.Length)
}

// checkRange refuses what is empty, reaches over the end of a block, or over that of the largest file.
func checkRange(offset int64, length int) error {
	if offset < 0 || length < 1 || offset >= content.MaxSize || offset%content.BlockSize+int64(length) > content.BlockSize {
		return fmt.Errorf("%w: %d bytes from %d", ErrFrame, length, offset)
	}
	return nil
}

func parseHashes(file uint32, b []byte) (Frame, error) {
	const size = len(content.Hash{})
	n := (len(b) - pieceHeader) / size
	h := Hashes{File: file, First: int(binary.BigEndian.Uint32(b[5:]))}
	if n < 1 || n > MaxLeaves || len(b) != pieceHeader+n*size || h.First+n > maxBlocks {
		return nil, fmt.Errorf("%w: leaves in %d bytes", ErrFrame, len(b))
	}
	h.Leaves = make([]content.Hash, n)
	for i := range h.Leaves {
		copy(h.Leaves[i][:], b[pieceHeader+i*size:])
	}
	return h, nil
}
