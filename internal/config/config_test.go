package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

type sample struct {
	Listen string        `group:"Network" name:"listen" unit:"host:port" default:":8080" help:"Where to listen."`
	IPs    []netip.Addr  `name:"public-ip" unit:"IP address" help:"Public addresses."`
	Ports  PortRange     `name:"relay-ports" unit:"port range" default:"49152-65535" help:"For the relay."`
	Drain  time.Duration `group:"Process" name:"drain-timeout" default:"30s" help:"How long to wait."`
	SFU    bool          `name:"sfu" default:"on" help:"Forward media."`
	Auth   string        `name:"auth" default:"open" oneof:"open|token" help:"Who may join."`
	Shards int           `name:"shards" help:"How many."`
}

func (c *sample) Validate(report func(option, problem string)) {
	if c.Auth == "token" && !c.SFU {
		report("auth", "tokens need the SFU")
	}
}

// load runs the whole path: args, environment and the text of a file ("" for none).
func load(t *testing.T, file string, environ []string, args ...string) (sample, *Set, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if file != "" {
		if err := os.WriteFile("c.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", "c.yaml")
	}
	var c sample
	set := New("CONFAB", &c)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	set.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	err := set.Load(environ)
	return c, set, err
}

func TestPrecedence(t *testing.T) {
	const file = "listen: :1\ndrain-timeout: 1m\nsfu: off\n"
	env := []string{"CONFAB_LISTEN=:2", "CONFAB_DRAIN_TIMEOUT=2m", "PATH=/bin"}
	for _, tt := range []struct {
		name   string
		file   string
		env    []string
		args   []string
		listen string
		drain  time.Duration
		sfu    bool
		origin string // of listen
	}{
		{"defaults", "", nil, nil, ":8080", 30 * time.Second, true, "listen (default)"},
		{"file", file, nil, nil, ":1", time.Minute, false, "c.yaml:1: listen"},
		{"environment over file", file, env, nil, ":2", 2 * time.Minute, false, "CONFAB_LISTEN"},
		{"flag over all", file, env, []string{"--listen=:3", "--sfu", "on"}, ":3", 2 * time.Minute, true, "--listen"},
		{"last flag wins", "", nil, []string{"--listen=:3", "--listen=:4"}, ":4", 30 * time.Second, true, "--listen"},
		{"empty variable is absent", "", []string{"CONFAB_LISTEN="}, nil, ":8080", 30 * time.Second, true, "listen (default)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, set, err := load(t, tt.file, tt.env, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if c.Listen != tt.listen || c.Drain != tt.drain || c.SFU != tt.sfu {
				t.Errorf("listen %s, drain %s, sfu %v; want %s, %s, %v", c.Listen, c.Drain, c.SFU, tt.listen, tt.drain, tt.sfu)
			}
			if got := set.Origin("listen").String(); got != tt.origin {
				t.Errorf("origin %q, want %q", got, tt.origin)
			}
		})
	}
}

func TestLists(t *testing.T) {
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	for name, give := range map[string]struct {
		file string
		env  []string
		args []string
	}{
		"repeated flag": {args: []string{"--public-ip=192.0.2.1", "--public-ip", "2001:db8::1"}},
		"commas":        {args: []string{"--public-ip=192.0.2.1, 2001:db8::1"}},
		"environment":   {env: []string{"CONFAB_PUBLIC_IP=192.0.2.1,2001:db8::1"}},
		"yaml list":     {file: "public-ip:\n  - 192.0.2.1\n  - 2001:db8::1\n"},
		"yaml scalar":   {file: "public-ip: 192.0.2.1,2001:db8::1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := load(t, give.file, give.env, give.args...)
			if err != nil || !reflect.DeepEqual(c.IPs, want) {
				t.Fatalf("%v, %v; want %v", c.IPs, err, want)
			}
		})
	}
}

func TestFaultsComeTogether(t *testing.T) {
	_, _, err := load(t, "lisen: :1\nauth: opne\nshards: {}\nauth: open\nsfu:\n",
		[]string{"CONFAB_DRAIN_TIMEOUT=30", "CONFAB_PUBLIC_IPS=192.0.2.1", "CONFAB_PORT_80_TCP=tcp://1"},
		"--public-ip=nonsense", "--relay-ports=9-8", "--shards=two", "--sfu=maybe")
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error %v, want Faults", err)
	}
	want := []string{
		`CONFAB_PUBLIC_IPS: no such option; did you mean CONFAB_PUBLIC_IP?`,
		`c.yaml:1: lisen: no such option; did you mean listen?`,
		`c.yaml:2: auth: "opne" is not one of open, token`,
		`c.yaml:3: shards: takes one plain value`,
		`c.yaml:4: auth: given twice, first in line 2`,
		`c.yaml:5: sfu: has no value; remove the line to get the default`,
		`CONFAB_DRAIN_TIMEOUT: "30" is not a duration: write a number with its unit, such as 30s, 5m or 2h`,
		`--public-ip: "nonsense" is not an IP address: `,
		`--relay-ports: "9-8" is not a port range: the first port is above the last`,
		`--sfu: "maybe" is neither on nor off`,
		`--shards: "two" is not a whole number`,
	}
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d:\n%v", len(faults), len(want), err)
	}
	for i, f := range faults {
		if got := f.Where + ": " + f.Problem; !strings.HasPrefix(got, want[i]) {
			t.Errorf("fault %d:\n got %s\nwant %s", i, got, want[i])
		}
	}
}

func TestValidateSkipsWhatDidNotParse(t *testing.T) {
	_, _, err := load(t, "", nil, "--auth=token", "--sfu=off", "--shards=x", "--auth=tokn")
	if err == nil || strings.Contains(err.Error(), "tokens need") || !strings.Contains(err.Error(), "2 faults") {
		t.Fatalf("error %v", err)
	}
	_, _, err = load(t, "", nil, "--auth=token", "--sfu=off", "--shards=x")
	if err == nil || !strings.Contains(err.Error(), "tokens need") {
		t.Fatalf("error %v; a fault elsewhere must not hide it", err)
	}
}

func TestValidateIsPlaced(t *testing.T) {
	_, _, err := load(t, "sfu: off\n", []string{"CONFAB_AUTH=token"})
	if err == nil || err.Error() != "configuration: CONFAB_AUTH: tokens need the SFU" {
		t.Fatalf("error %v", err)
	}
}

func TestFiles(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"comments only":  {"# nothing\n", ""},
		"null":           {"null\n", ""},
		"not a mapping":  {"- a\n", "c.yaml:1: must be a mapping"},
		"broken":         {"listen: [\n", "c.yaml: "},
		"two documents":  {"listen: :1\n---\nlisten: :2\n", "holds more than one document"},
		"file in itself": {"config: other.yaml\n", "config: no such option"},
		"nested list":    {"public-ip: [[192.0.2.1]]\n", "line 1 is not a plain value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, tt.file, nil)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, _, err := load(t, "", nil, "--config", filepath.Join(t.TempDir(), "absent.yaml")); err == nil {
		t.Fatal("an absent file was accepted")
	}
}

func TestOnlySomeFlags(t *testing.T) {
	var c sample
	set := New("CONFAB", &c)
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	set.AddFlags(flags, "auth")
	if flags.Lookup("auth") == nil || flags.Lookup("config") == nil || flags.Lookup("listen") != nil {
		t.Fatal("want the flags auth and config alone")
	}
	if err := set.Load([]string{"CONFAB_LISTEN=:9"}); err != nil || c.Listen != ":9" {
		t.Fatalf("listen %s, %v; the environment must count without a flag", c.Listen, err)
	}
}

func TestReference(t *testing.T) {
	var b strings.Builder
	if err := New("CONFAB", &sample{}).WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### Network",
		"| `--listen` | `CONFAB_LISTEN` | host:port | `:8080` | Where to listen. |",
		"| `--public-ip` | `CONFAB_PUBLIC_IP` | IP address, several | none | Public addresses. |",
		`| open\|token | ` + "`open`",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("listen: :1\npublic-ip: [192.0.2.1]\n")
	f.Add("a: &x\n  b: *x\n")
	f.Fuzz(func(t *testing.T, content string) {
		var faults Faults
		New("CONFAB", &sample{}).parseFile("c.yaml", []byte(content), &faults) // must not panic
	})
}
