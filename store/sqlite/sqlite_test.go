package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/sqlite"
	"github.com/confab/confab/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, storetest.Backend{Durable: true, New: func(t *testing.T) func() store.Store {
		path := filepath.Join(t.TempDir(), "folder", "rooms ?#%20ü.db")
		return func() store.Store {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}})
}
