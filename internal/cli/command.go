package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/confab/confab/internal/config"
)

// Serve gives c the options of set as flags, in the order of their declaration, and makes it call run when all of them have been
// loaded. What is wrong with them is one UsageError with every fault.
func Serve(c *cobra.Command, p Process, set *config.Set, run func() error) {
	c.RunE = func(*cobra.Command, []string) error {
		if err := set.Load(p.Environ); err != nil {
			return UsageError{err}
		}
		return run()
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return UsageError{flagError(err, set, p.Environ)} })
	set.AddFlags(c.Flags())
	c.Flags().SortFlags = false
}

// flagError tells what else is wrong besides a flag that could not be parsed, and what the flag should perhaps have been.
func flagError(err error, set *config.Set, environ []string) error {
	var faults, others config.Faults
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		faults = append(faults, config.Fault{Where: "--" + name, Problem: "no such flag" + set.Suggest(name)})
	} else {
		faults = append(faults, config.Fault{Where: "command line", Problem: strings.TrimSpace(err.Error())})
	}
	if errors.As(set.Load(environ), &others) {
		faults = append(faults, others...)
	}
	return faults
}

// NewReference returns the command that writes the options of set as Markdown: docs/configuration.md is made of it. Hidden: it
// serves the build.
func NewReference(p Process, set *config.Set) *cobra.Command {
	return &cobra.Command{
		Use:    "reference",
		Short:  "Write the options as Markdown",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return set.WriteReference(p.Stdout) },
	}
}

// NewVersion returns the command that prints the product's name and the Version.
func NewVersion(p Process, product string) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.Stdout, product, Version())
			return err
		},
	}
}
