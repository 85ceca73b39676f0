// Package config turns one struct into a program's whole configuration: flags, environment, file and reference page.
//
// Each field of the struct is one option. Its tags say everything there is to know about it:
//
//	type Config struct {
//		Listen string        `group:"Network" name:"listen" unit:"host:port" default:":8080" help:"TCP address for …"`
//		Drain  time.Duration `name:"drain-timeout" unit:"duration" default:"30s" help:"How long …"`
//		Auth   string        `name:"auth" default:"open" oneof:"open|token" help:"Who may join."`
//	}
//
//	set := config.New("CONFAB", &cfg)
//	set.AddFlags(command.Flags()) // --listen, --drain-timeout, --auth, --config
//	err := set.Load(os.Environ()) // after the flags are parsed
//
// The same option is --drain-timeout on the command line, CONFAB_DRAIN_TIMEOUT in the environment and drain-timeout in the
// YAML file that --config or CONFAB_CONFIG names. Flags win over the environment, the environment over the file, the file
// over the default.
//
// A field is a string, a bool (on or off), an int, a time.Duration, anything that reads itself from text
// (encoding.TextUnmarshaler, such as netip.Addr), or a slice of these. A slice is given by repeating the flag, with commas, or as
// a YAML list.
//
// Nothing is guessed: an unknown key, a key given twice, a value that does not parse are faults, and Load reports all of
// them at once, each with the place it came from and, when a known name is near, with that name. If the struct has a method
// Validate(func(option, problem string)), it is called after parsing, and what it reports is placed the same way, but for options that
// did not parse: these have their default then.
//
// The package reads the file it is told to read and nothing else. It is not a framework: no watching, no remote sources, no nesting.
package config
