package main

import (
	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/doctorcmd"
)

// newDoctor looks at the relay of this server, or at any other, from where a client stands.
func newDoctor(p cli.Process) *cobra.Command { return doctorcmd.New(p, "sfu") }
