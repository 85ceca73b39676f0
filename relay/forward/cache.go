package forward

// few is how many answers are looked through one by one: as quick as a map, and a fraction of its memory. An ordinary allocation
// has one to four peers.
const few = 8

// many bounds a cache. A peer with a permission may send from any of its ports, and each would be remembered.
const many = 1024

// cache remembers verdicts. The zero value is empty.
type cache[K comparable] struct {
	list []entry[K]
	more map[K]Verdict // instead of list, when there are more than a few
}

type entry[K comparable] struct {
	key     K
	verdict Verdict
}

func (c *cache[K]) get(key K) (Verdict, bool) {
	if c.more != nil {
		v, ok := c.more[key]
		return v, ok
	}
	for i := range c.list {
		if c.list[i].key == key {
			return c.list[i].verdict, true
		}
	}
	return Verdict{}, false
}

func (c *cache[K]) put(key K, v Verdict) {
	switch {
	case c.more == nil && len(c.list) < few:
		c.list = append(c.list, entry[K]{key, v})
		return
	case c.more == nil:
		c.more = make(map[K]Verdict, 4*few)
		for _, e := range c.list {
			c.more[e.key] = e.verdict
		}
		c.list = nil
	case len(c.more) >= many:
		clear(c.more)
	}
	c.more[key] = v
}

func (c *cache[K]) clear() {
	c.list = c.list[:0]
	clear(c.more)
}
