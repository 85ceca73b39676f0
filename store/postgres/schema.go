package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/confab/confab/store"
)

// lock is the advisory lock under which a node makes or updates the tables: "confab" in ASCII.
const lock = 0x636f6e666162

// migrations take the tables from version i to i+1. They are never changed, only added to.
var migrations = []string{`
CREATE TABLE confab_rooms (
	row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE, epoch text COLLATE "C" NOT NULL,
	first bigint NOT NULL DEFAULT 1, last bigint NOT NULL DEFAULT 0, bytes bigint NOT NULL DEFAULT 0,
	snapshot bytea, snapshot_seq bigint NOT NULL DEFAULT 0,
	created timestamptz NOT NULL DEFAULT clock_timestamp(), touched timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE confab_records (
	room bigint NOT NULL REFERENCES confab_rooms ON DELETE CASCADE, seq bigint NOT NULL, at timestamptz NOT NULL,
	kind text NOT NULL, ref bigint NOT NULL, data bytea NOT NULL,
	PRIMARY KEY (room, seq)
);
CREATE INDEX confab_records_refs ON confab_records (room, ref, seq) WHERE ref > 0;
CREATE UNLOGGED TABLE confab_messages (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), data bytea NOT NULL
);
CREATE INDEX confab_messages_at ON confab_messages (at);
CREATE TABLE confab_nodes (id bytea PRIMARY KEY, expires timestamptz NOT NULL);
CREATE TABLE confab_small (
	kind smallint NOT NULL, key bytea NOT NULL, value bytea NOT NULL, n bigint NOT NULL, expires timestamptz NOT NULL,
	PRIMARY KEY (kind, key)
);
CREATE INDEX confab_small_expires ON confab_small (expires);
`}

// migrate makes or updates the tables, one node at a time, and refuses those of a newer program.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lock)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS confab_schema (version int NOT NULL)"); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM confab_schema").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("%w: the tables have version %d, this program knows up to %d; use a newer program", store.ErrCorrupt, version, len(migrations))
		}
		for _, step := range migrations[version:] {
			if _, err := tx.Exec(ctx, step); err != nil {
				return err
			}
		}
		if version == len(migrations) {
			return nil
		}
		_, err := tx.Exec(ctx, "INSERT INTO confab_schema VALUES ($1)", len(migrations))
		return err
	})
}
