package session

import "time"

// meter measures a rate over the last seconds. Its owner locks it.
type meter struct {
	seconds [5]int64 // bytes by second, modulo its length
	last    int64    // the second of the newest
	first   int64    // the second of the first
}

func (m *meter) add(now time.Time, bytes int) {
	s := now.Unix()
	if m.first == 0 {
		m.first, m.last = s, s
	}
	for ; m.last < s; m.last++ {
		m.seconds[(m.last+1)%int64(len(m.seconds))] = 0
		if s-m.last > int64(len(m.seconds)) {
			m.last = s - int64(len(m.seconds)) - 1
		}
	}
	m.seconds[s%int64(len(m.seconds))] += int64(bytes)
}

// rate returns bytes per second over the whole seconds before now.
func (m *meter) rate(now time.Time) float64 {
	m.add(now, 0)
	var sum int64
	for _, b := range m.seconds {
		sum += b
	}
	over := min(float64(now.Unix()-m.first), float64(len(m.seconds)-1)) + float64(now.Nanosecond())/1e9
	return float64(sum) / max(over, 0.25)
}

// left is how long bytes take at a rate; 0: unknown.
func left(bytes int64, rate float64) time.Duration {
	if bytes <= 0 || rate < 1 {
		return 0
	}
	return time.Duration(min(float64(bytes)/rate, 1e8) * float64(time.Second))
}
