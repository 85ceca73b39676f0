package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/api"
	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
)

// newRoom is the admin API on the command line.
func newRoom(p cli.Process) *cobra.Command {
	r := &roomCommands{p: p}
	r.set = config.New(envPrefix, &r.o)
	c := &cobra.Command{
		Use:   "room",
		Short: "Look into the rooms of a running server, and keep order there",
		Long: `Look into the rooms of a running server, and keep order there, by its admin API (docs/api.md).

The server is named by --server. It has to know who asks: give --secret-file, the file of secrets that the server has, or --token-file with a token
that has the grant admin (sfu token --admin).

  sfu room list --secret-file secrets
  sfu room show standup --server https://meet.example.org --token-file token.txt
  sfu room set standup --access lobby --people 20
  sfu room participants standup
  sfu room remove standup k3v9q2d8h1m5 --ban 1h
  sfu room say standup "This server restarts in five minutes."
  sfu room export standup > standup.jsonl
  sfu room record standup on

--json prints what the API has answered. CONFAB_SECRET_FILE and the YAML file are read as by serve.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	f := c.PersistentFlags()
	r.set.AddFlags(f, "secret-file")
	f.StringVar(&r.server, "server", "http://localhost:8080", "address of the server")
	f.StringVar(&r.tokenFile, "token-file", "", "file with a token that has the grant admin, instead of a secret")
	f.BoolVar(&r.json, "json", false, "print what the API has answered, as JSON")
	c.AddCommand(
		r.list(), r.show(), r.create(), r.change(), r.participants(), r.remove(), r.mute(), r.allow(), r.role(), r.bans(), r.unban(),
		r.waiting(), r.admit(), r.invite(), r.say(), r.messages(), r.export(), r.record(), r.end(), r.delete(),
	)
	return c
}

// roomCommands is what the commands have in common.
type roomCommands struct {
	p         cli.Process
	o         options
	set       *config.Set
	server    string
	tokenFile string
	json      bool
}

// command makes a command whose first argument is a room, unless least is 0.
func (r *roomCommands) command(use, short string, least, most int, run func(c *adminClient, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < least || len(args) > most {
				return cli.UsageError{Err: fmt.Errorf("usage: sfu room %s", use)}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			pattern := auth.AnyRoom
			if least > 0 {
				pattern = args[0]
			}
			client, err := r.client(pattern)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			defer client.http.CloseIdleConnections()
			return run(client, args)
		},
	}
}

// client is for the rooms of a pattern: a token that is minted here is good for no others, and for no longer than a minute.
func (r *roomCommands) client(pattern string) (*adminClient, error) {
	if err := r.set.Load(r.p.Environ); err != nil {
		return nil, err
	}
	base, err := url.Parse(strings.TrimRight(r.server, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("--server %s: want an address such as https://meet.example.org", r.server)
	}
	client := &adminClient{base: base.String(), out: r.p.Stdout, json: r.json, http: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	switch {
	case r.tokenFile != "":
		client.token, err = readToken(r.tokenFile, strings.NewReader(""))
	case r.o.SecretFile == "":
		return nil, errors.New("the server has to know who asks: give --secret-file, the one that the server has, or --token-file")
	default:
		var secrets [][]byte
		if secrets, err = config.ReadSecrets(r.o.SecretFile); err == nil {
			claims := auth.Claims{Room: pattern, Role: auth.RoleHost, Expires: time.Now().Add(time.Minute)}
			claims.Admin = true
			client.token, err = auth.Sign(secrets[0], claims, time.Now())
		}
	}
	return client, err
}

func (r *roomCommands) list() *cobra.Command {
	return r.command("list", "List the rooms that the server keeps", 0, 0, func(c *adminClient, _ []string) error {
		t := c.table("ROOM", "EVENTS", "BYTES", "CREATED", "USED")
		for after := ""; ; {
			var page api.RoomList
			if err := c.get("/rooms?limit=100&after="+after, &page); err != nil {
				return err
			}
			for _, room := range page.Rooms {
				t.row(room.ID, room.Events, room.Bytes, room.Created, room.Used)
			}
			if after = page.Next; after == "" {
				return t.flush()
			}
		}
	})
}

func (r *roomCommands) show() *cobra.Command {
	return r.command("show ROOM", "Describe a room", 1, 1, func(c *adminClient, args []string) error {
		var room api.Room
		if err := c.get(roomPath(args[0]), &room); err != nil {
			return err
		}
		return c.showRoom(room)
	})
}

// settingFlags adds the flags of settings; the function that it returns makes the body of those that were given.
func settingFlags(c *cobra.Command) func() map[string]any {
	var access, password string
	var people int
	f := c.Flags()
	f.StringVar(&access, "access", "", "who gets in: open, lobby or locked")
	f.StringVar(&password, "password", "", `password of the room, at least 8 characters; "" takes it away. It stays in the shell's history`)
	f.IntVar(&people, "people", 0, "most people at once")
	return func() map[string]any {
		body := map[string]any{}
		for name, value := range map[string]any{"access": access, "password": password, "people": people} {
			if f.Changed(name) {
				body[name] = value
			}
		}
		return body
	}
}

func (r *roomCommands) create() *cobra.Command {
	var body func() map[string]any
	c := r.command("create ROOM", "Make a room before anybody is in it", 1, 1, func(c *adminClient, args []string) error {
		content := body()
		content["id"] = args[0]
		var room api.Room
		if err := c.send(http.MethodPost, "/rooms", content, &room); err != nil {
			return err
		}
		return c.showRoom(room)
	})
	body = settingFlags(c)
	return c
}

func (r *roomCommands) change() *cobra.Command {
	var body func() map[string]any
	c := r.command("set ROOM", "Change the settings of a room", 1, 1, func(c *adminClient, args []string) error {
		content := body()
		if len(content) == 0 {
			return cli.UsageError{Err: errors.New("nothing to set: give --access, --password or --people")}
		}
		var room api.Room
		if err := c.send(http.MethodPatch, roomPath(args[0]), content, &room); err != nil {
			return err
		}
		return c.showRoom(room)
	})
	body = settingFlags(c)
	return c
}

func (r *roomCommands) end() *cobra.Command {
	return r.command("end ROOM", "End a room for all; its log is kept", 1, 1, func(c *adminClient, args []string) error {
		return c.act(http.MethodPost, roomPath(args[0])+"/end", nil, "ended")
	})
}

func (r *roomCommands) delete() *cobra.Command {
	return r.command("delete ROOM", "End a room for all and delete its log, chat and settings", 1, 1, func(c *adminClient, args []string) error {
		return c.act(http.MethodDelete, roomPath(args[0]), nil, "deleted")
	})
}

func (r *roomCommands) export() *cobra.Command {
	c := r.command("export ROOM", "Print what happened in a room, as JSON lines", 1, 1, func(c *adminClient, args []string) error {
		return c.copy(roomPath(args[0]) + "/export")
	})
	c.Long = "Print what happened in a room, as far as it is kept, as JSON lines. The command fails when not all of it came."
	return c
}

func (r *roomCommands) invite() *cobra.Command {
	var role string
	var ttl time.Duration
	var uses int
	c := r.command("invite ROOM", "Make a link that lets people in", 1, 1, func(c *adminClient, args []string) error {
		var invite api.Invite
		body := map[string]any{"role": role, "seconds": int(ttl / time.Second), "uses": uses}
		if err := c.send(http.MethodPost, roomPath(args[0])+"/invites", body, &invite); err != nil || c.json {
			return err
		}
		return c.print(c.base + invite.Path)
	})
	c.Flags().StringVar(&role, "role", "member", "viewer, member, moderator or host")
	c.Flags().DurationVar(&ttl, "ttl", 24*time.Hour, "how long it can be used")
	c.Flags().IntVar(&uses, "uses", 0, "how many people it lets in; 0: as many as come")
	return c
}

// roomPath is where a room is in the API. What is no name of a room is refused there.
func roomPath(room string) string { return "/rooms/" + url.PathEscape(room) }

func (r *roomCommands) record() *cobra.Command {
	return r.command("record ROOM on|off", "Begin or end the recording of a room", 2, 2, func(c *adminClient, args []string) error {
		switch path := roomPath(args[0]) + "/recording"; args[1] {
		case "on":
			return c.act(http.MethodPost, path, nil, "recording")
		case "off":
			return c.act(http.MethodDelete, path, nil, "not recording")
		default:
			return cli.UsageError{Err: fmt.Errorf("%q: want on or off", args[1])}
		}
	})
}
