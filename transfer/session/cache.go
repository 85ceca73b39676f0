package session

import (
	"sync"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
)

// cached is how many blocks are kept: receivers that are about as fast as each other, and the ranges of one block on several lanes, cost
// one reading of the disk.
const cached = 32

// cache keeps the blocks that were used last. Who asks for a block that is being loaded waits for it.
type cache struct {
	load func(file, block int, p []byte) ([]byte, error)

	mu      sync.Mutex // guards the fields below
	entries map[plan.Block]*entry
	age     []*entry // least recently used first
}

type entry struct {
	key   plan.Block
	ready chan struct{} // closed when data or err is there
	data  []byte
	err   error
}

func newCache(load func(file, block int, p []byte) ([]byte, error)) *cache {
	return &cache{load: load, entries: map[plan.Block]*entry{}}
}

// get returns a block, which must not be changed.
func (c *cache) get(k plan.Block) ([]byte, error) {
	c.mu.Lock()
	e, known := c.entries[k]
	if known {
		for i, x := range c.age {
			if x == e {
				c.age = append(append(c.age[:i:i], c.age[i+1:]...), e)
				break
			}
		}
		c.mu.Unlock()
		<-e.ready
		return e.data, e.err
	}
	e = &entry{key: k, ready: make(chan struct{})}
	c.entries[k] = e
	if c.age = append(c.age, e); len(c.age) > cached {
		delete(c.entries, c.age[0].key)
		c.age = c.age[1:]
	}
	c.mu.Unlock()
	e.data, e.err = c.load(k.File, k.Index, make([]byte, content.BlockSize))
	close(e.ready)
	if e.err != nil {
		c.mu.Lock()
		if c.entries[k] == e {
			delete(c.entries, k)
			for i, x := range c.age {
				if x == e {
					c.age = append(c.age[:i:i], c.age[i+1:]...)
					break
				}
			}
		}
		c.mu.Unlock()
	}
	return e.data, e.err
}

// read copies bytes of one block into buf, as many as it has room for.
func (c *cache) read(file int, offset int64, buf []byte) ([]byte, error) {
	block, err := c.get(plan.Block{File: file, Index: int(offset / content.BlockSize)})
	if err != nil {
		return nil, err
	}
	in := int(offset % content.BlockSize)
	if in >= len(block) {
		return nil, ErrChanged
	}
	return buf[:copy(buf, block[in:])], nil
}
