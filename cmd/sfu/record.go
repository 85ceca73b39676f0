package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/media/record"
)

// newRecord is what can be done with recordings on the machine that has them.
func newRecord(p cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "record",
		Short: "List recordings, and make one file of a recording",
		Long: `List recordings, and make one file of a recording.

A server with --record-dir records a room when a moderator presses the button, or with "sfu room record ROOM on". Each recording is a
folder with a file for every microphone, camera and screen, and manifest.jsonl, which aligns them (docs/recording.md). Nothing is
decoded, so these commands are quick and need no other program.

  sfu record list /var/lib/confab/recordings
  sfu record compose /var/lib/confab/recordings/standup-20300504T090000Z standup.mkv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	c.AddCommand(recordList(p), recordCompose(p))
	return c
}

func recordList(p cli.Process) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list DIR", Short: "List the recordings in a folder",
		Args: arguments(1, "sfu record list DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			entries, err := os.ReadDir(args[0])
			if err != nil {
				return err
			}
			list := []record.Summary{}
			for _, e := range entries {
				s, err := record.Read(filepath.Join(args[0], e.Name()))
				if err == nil {
					list = append(list, s)
				}
			}
			if asJSON {
				return json.NewEncoder(p.Stdout).Encode(list)
			}
			w := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RECORDING\tROOM\tBEGAN\tLENGTH\tTRACKS\tBYTES\tEND")
			for _, s := range list {
				end := s.Reason
				if !s.Ended {
					end = "goes on, or the server was killed"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", s.Name, text(s.Room), s.Time, time.Duration(s.Millis)*time.Millisecond, len(s.Tracks), s.Bytes, end)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, tracks included")
	return c
}

func recordCompose(p cli.Process) *cobra.Command {
	return &cobra.Command{
		Use: "compose DIR FILE", Short: "Make one Matroska file of a recording, with all tracks, aligned",
		Args: arguments(2, "sfu record compose DIR FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			tell := func(at, of int64) {
				fmt.Fprintf(p.Stderr, "\r%s of %s", time.Duration(at)*time.Millisecond, time.Duration(of)*time.Millisecond)
			}
			if !watched(p.Stderr) {
				tell = nil
			}
			err := record.Compose(args[0], args[1], tell)
			if tell != nil {
				fmt.Fprint(p.Stderr, "\r\033[K")
			}
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists; name another file, or remove it", args[1])
			}
			return err
		},
	}
}

// watched reports whether somebody sees what is written, so that progress may be shown in place.
func watched(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	i, err := f.Stat()
	return err == nil && i.Mode()&os.ModeCharDevice != 0
}

// arguments wants n of them.
func arguments(n int, usage string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return cli.UsageError{Err: errors.New("usage: " + usage)}
		}
		return nil
	}
}
