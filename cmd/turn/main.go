package main

import (
	"os"

	"github.com/confab/confab/internal/cli"
)

func main() { os.Exit(run(cli.FromSystem())) }

// run executes the command line and returns the exit code.
func run(p cli.Process) int { return cli.Run(p, newRoot(p)) }
