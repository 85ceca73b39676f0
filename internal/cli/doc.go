// Package cli is what our programs have in common as programs: how they are called, which build they are, how they fail and how they end.
//
//	func main() {
//		p := cli.FromSystem()
//		os.Exit(cli.Run(p, newRoot(p)))
//	}
//
// A Process is what the operating system gives a program; tests give it too, so a whole program runs inside a test. Run executes
// the command line and turns its error into an exit code: ExitUsage for what the caller can mend, a UsageError; ExitAtOnce when a
// second signal cut off those who were still there; ExitFailed for the rest. Serve makes a command that loads its configuration
// (internal/config) before it runs and reports every fault at once. A Lifecycle runs the parts of a server: the first signal lets
// people finish, the second ends at once, and nothing returns before everything that was started has ended.
//
//	signal ──► draining, /readyz says so ──► nobody left, or the timeout ──► parts end ──► what they stand on ends
//	             second signal: ErrAtOnce ──────────────────────────────────────▲
//
// It knows no option, no socket and no protocol of a program: those are its caller's.
package cli
