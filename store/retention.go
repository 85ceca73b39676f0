package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Retention says how much of the rooms is kept. A zero field means no bound.
type Retention struct {
	Age     time.Duration // of a room, from its last use: then it is deleted whole
	Records int           // of one room
	Bytes   int64         // of Data in one room
}

// DefaultRetention keeps a room for a week after its last use. 20 000 records are some days of busy chat; 16 MiB is what one reads
// in a second from a slow disk.
var DefaultRetention = Retention{Age: 7 * 24 * time.Hour, Records: 20_000, Bytes: 16 << 20}

// Cut returns the number of the first record to keep so that the room has room to grow again, and whether there is anything to cut. The owner
// of the room then makes a snapshot of the record before it or a later one, and calls Trim. A cut goes down to three quarters of the bounds, so that it is rare. Bytes
// are taken as spread evenly, since a Room does not say where they are: what is too much after one cut is cut by the next.
func (r Retention) Cut(room Room) (keepFrom uint64, cut bool) {
	have := room.Records()
	keep := have
	if r.Records > 0 && have > r.Records {
		keep = r.Records * 3 / 4
	}
	if r.Bytes > 0 && room.Bytes > r.Bytes && have > 0 {
		keep = min(keep, int(float64(have)*float64(r.Bytes)*3/4/float64(room.Bytes)))
	}
	if keep >= have {
		return room.First, false
	}
	return room.Last + 1 - uint64(keep), true
}

// Sweep deletes the rooms that were not touched for longer than r.Age before now, and returns how many. Any node may call it at any time: a
// room that is used between the look and the deletion stays. It goes on after the failure of one room and returns the errors joined.
func Sweep(ctx context.Context, s Store, r Retention, now time.Time) (int, error) {
	if r.Age <= 0 {
		return 0, nil
	}
	before := now.Add(-r.Age)
	deleted, after := 0, ""
	var failed []error
	for {
		rooms, err := s.Rooms(ctx, after, MaxPage)
		if err != nil {
			return deleted, errors.Join(append(failed, fmt.Errorf("list rooms: %w", err))...)
		}
		if len(rooms) == 0 {
			return deleted, errors.Join(failed...)
		}
		for _, room := range rooms {
			after = room.ID
			if !room.Touched.Before(before) {
				continue
			}
			gone, err := s.DeleteIdle(ctx, room.ID, before)
			if err != nil {
				failed = append(failed, fmt.Errorf("delete an idle room: %w", err))
				if ctx.Err() != nil || len(failed) >= 10 { // the store is in trouble: the next sweep does the rest
					return deleted, errors.Join(failed...)
				}
			}
			if gone {
				deleted++
			}
		}
	}
}
