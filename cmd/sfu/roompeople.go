package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/api"
	"github.com/confab/confab/signaling/protocol"
)

func (r *roomCommands) participants() *cobra.Command {
	return r.command("participants ROOM", "List who is in a room", 1, 1, func(c *adminClient, args []string) error {
		t := c.table("ID", "NAME", "ROLE", "KIND", "ONLINE", "SENDS")
		for after := ""; ; {
			var page api.ParticipantList
			if err := c.get(roomPath(args[0])+"/participants?limit=100&after="+after, &page); err != nil {
				return err
			}
			for _, p := range page.Participants {
				t.row(p.ID, text(p.Name), p.Role, p.Kind, p.Online, sends(p.Media))
			}
			if after = page.Next; after == "" {
				return t.flush()
			}
		}
	})
}

// sends names what somebody sends.
func sends(s protocol.State) string {
	var on []string
	for _, source := range []struct {
		on   bool
		name protocol.Source
	}{{s.Microphone, protocol.Microphone}, {s.Camera, protocol.Camera}, {s.Screen, protocol.Screen}, {s.ScreenAudio, protocol.ScreenAudio}} {
		if source.on {
			on = append(on, string(source.name))
		}
	}
	return strings.Join(on, ",")
}

func (r *roomCommands) remove() *cobra.Command {
	var ban time.Duration
	c := r.command("remove ROOM PARTICIPANT", "Take somebody's seat away", 2, 2, func(c *adminClient, args []string) error {
		return c.act(http.MethodDelete, fmt.Sprintf("%s?ban=%d", personPath(args), int64(ban/time.Second)), nil, "removed")
	})
	c.Flags().DurationVar(&ban, "ban", 0, "how long the same person does not get in again, such as 1h")
	return c
}

func (r *roomCommands) mute() *cobra.Command {
	var sources []string
	var hold bool
	c := r.command("mute ROOM [PARTICIPANT]", "Turn sources of somebody off, or of everybody", 1, 2, func(c *adminClient, args []string) error {
		return c.act(http.MethodPost, personPath(args)+"/mute", map[string]any{"sources": sources, "hold": hold}, "muted")
	})
	c.Flags().StringSliceVar(&sources, "source", []string{string(protocol.Microphone)}, "microphone, camera, screen, screen-audio")
	c.Flags().BoolVar(&hold, "hold", false, "they stay off until they are allowed again")
	return c
}

func (r *roomCommands) allow() *cobra.Command {
	var sources []string
	c := r.command("allow ROOM PARTICIPANT", "Give somebody sources back that were held", 2, 2, func(c *adminClient, args []string) error {
		return c.act(http.MethodPost, personPath(args)+"/allow", map[string]any{"sources": sources}, "allowed")
	})
	c.Flags().StringSliceVar(&sources, "source", []string{string(protocol.Microphone)}, "microphone, camera, screen, screen-audio")
	return c
}

func (r *roomCommands) role() *cobra.Command {
	return r.command("role ROOM PARTICIPANT ROLE", "Give somebody another role: viewer, member, moderator, host", 3, 3, func(c *adminClient, args []string) error {
		return c.act(http.MethodPatch, personPath(args[:2]), map[string]any{"role": args[2]}, "changed")
	})
}

func (r *roomCommands) bans() *cobra.Command {
	return r.command("bans ROOM", "List who is kept out of a room", 1, 1, func(c *adminClient, args []string) error {
		var list api.BanList
		if err := c.get(roomPath(args[0])+"/bans", &list); err != nil {
			return err
		}
		t := c.table("ID", "NAME", "IDENTITY", "UNTIL")
		for _, b := range list.Bans {
			t.row(b.ID, text(b.Name), text(b.Identity), b.Until)
		}
		return t.flush()
	})
}

func (r *roomCommands) unban() *cobra.Command {
	return r.command("unban ROOM BAN", "Let somebody in again", 2, 2, func(c *adminClient, args []string) error {
		return c.act(http.MethodDelete, roomPath(args[0])+"/bans/"+url.PathEscape(args[1]), nil, "lifted")
	})
}

func (r *roomCommands) waiting() *cobra.Command {
	return r.command("lobby ROOM", "List who waits to be let in", 1, 1, func(c *adminClient, args []string) error {
		var lobby api.Lobby
		if err := c.get(roomPath(args[0])+"/lobby", &lobby); err != nil {
			return err
		}
		t := c.table("ID", "NAME", "SINCE")
		for _, k := range lobby.Waiting {
			t.row(k.ID, text(k.Name), time.UnixMilli(k.Since))
		}
		return t.flush()
	})
}

func (r *roomCommands) admit() *cobra.Command {
	var refuse bool
	c := r.command("admit ROOM [ID]", "Let somebody in who waits, or all", 1, 2, func(c *adminClient, args []string) error {
		body := map[string]any{"allow": !refuse}
		if len(args) == 2 {
			body["knock"] = args[1]
		}
		return c.act(http.MethodPost, roomPath(args[0])+"/lobby", body, "answered")
	})
	c.Flags().BoolVar(&refuse, "refuse", false, "turn them away instead")
	return c
}

func (r *roomCommands) say() *cobra.Command {
	var to, key string
	c := r.command("say ROOM TEXT", "Write to the chat as the server", 2, 2, func(c *adminClient, args []string) error {
		var posted api.Posted
		if err := c.send(http.MethodPost, roomPath(args[0])+"/messages", map[string]any{"text": args[1], "to": to}, &posted, "Idempotency-Key", key); err != nil || c.json {
			return err
		}
		return c.print(fmt.Sprintf("said, message %d", posted.Seq))
	})
	c.Flags().StringVar(&to, "to", "", "participant, instead of everybody")
	c.Flags().StringVar(&key, "key", rand.Text(), "name of the message: with the same one it is written once, however often it is sent")
	c.Flags().Lookup("key").DefValue = ""
	return c
}

func (r *roomCommands) messages() *cobra.Command {
	var limit int
	c := r.command("messages ROOM", "Print the end of the chat", 1, 1, func(c *adminClient, args []string) error {
		var list api.MessageList
		if err := c.get(fmt.Sprintf("%s/messages?limit=%d", roomPath(args[0]), limit), &list); err != nil {
			return err
		}
		t := c.table("SEQ", "TIME", "FROM", "TEXT")
		for _, m := range list.Messages {
			said := text(m.Text)
			if m.Line != "" {
				said = "(" + string(m.Line) + ")"
			}
			t.row(m.Seq, time.UnixMilli(m.Time), text(m.Name), said)
		}
		return t.flush()
	})
	c.Flags().IntVar(&limit, "limit", 50, "how many, at most 100")
	return c
}

// personPath is where a participant is in the API, or the room when only that is given.
func personPath(args []string) string {
	if len(args) == 1 {
		return roomPath(args[0])
	}
	return roomPath(args[0]) + "/participants/" + url.PathEscape(args[1])
}
