package sqlite

// PageRefs and PageRecords are the queries of Page.
const (
	PageRefs    = pageRefs
	PageRecords = pageRecords
)

// Commits returns how many transactions the writer has committed.
func (s *Store) Commits() int64 { return s.commits.Load() }
