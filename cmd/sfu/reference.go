package main

import (
	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/config"
)

// newReference writes what docs/configuration.md is made of. Hidden: it serves the build.
func newReference(p process) *cobra.Command {
	return &cobra.Command{
		Use:    "reference",
		Short:  "Write the options as Markdown",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return config.New(envPrefix, &options{}).WriteReference(p.stdout)
		},
	}
}
