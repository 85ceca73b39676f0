package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/confab/confab/store"
)

// applicationID marks our files (PRAGMA application_id): "Cnfb".
const applicationID = 0x436e6662

// migrations take a file from version i to i+1 (PRAGMA user_version). They are never changed, only added to.
//
// IDs and keys are blobs: any bytes, compared as such. Times are microseconds since 1970. Records are stored in the order of their
// key, so a Read is one run through the file; records_refs has only what Page looks for.
var migrations = []string{`
CREATE TABLE rooms (
	row INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, epoch TEXT NOT NULL,
	first INTEGER NOT NULL DEFAULT 1, last INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
	snapshot_seq INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL, touched INTEGER NOT NULL
) STRICT;
CREATE TABLE snapshots (room INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE records (
	room INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, ref INTEGER NOT NULL, data BLOB NOT NULL,
	PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_refs ON records (room, ref, seq) WHERE ref > 0;
CREATE TABLE nodes (id BLOB PRIMARY KEY, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE small (
	kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, n INTEGER NOT NULL, expires INTEGER NOT NULL,
	PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX small_expires ON small (expires);
`}

// migrate makes or updates what is in the file, and refuses one that is not ours or that a newer program has written.
func migrate(ctx context.Context, c *sql.Conn) error {
	var id, version, tables int
	if err := c.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&id, &version, &tables); err != nil {
		return err
	}
	switch {
	case id == 0 && tables == 0: // new
	case id != applicationID:
		return fmt.Errorf("%w: the file is another program's database; name another file", store.ErrCorrupt)
	case version > len(migrations):
		return fmt.Errorf("%w: the file has version %d, this program knows up to %d; use a newer program", store.ErrCorrupt, version, len(migrations))
	}
	if id == 0 { // deleted rooms give their space back; this can only be chosen while the file is empty
		if _, err := c.ExecContext(ctx, "PRAGMA auto_vacuum=INCREMENTAL"); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, "PRAGMA journal_mode=WAL"); err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() { _, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }() // an error after the COMMIT: there is nothing to roll back
	// Another process may have been first.
	if err := c.QueryRowContext(ctx, "SELECT user_version FROM pragma_user_version").Scan(&version); err != nil {
		return err
	}
	for _, step := range migrations[min(version, len(migrations)):] {
		if _, err := c.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	_, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", applicationID, len(migrations)))
	return err
}
