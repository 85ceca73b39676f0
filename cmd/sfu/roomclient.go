package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/confab/confab/api"
	"github.com/confab/confab/signaling/protocol"
)

// adminClient speaks to the admin API and prints.
type adminClient struct {
	base  string // address of the server
	token string
	out   io.Writer
	json  bool // print what was answered, as it is
	http  *http.Client
}

// patience is how long one request may take, but for an export.
const patience = 30 * time.Second

// do sends a request whose answer is a success, or returns what the server said instead.
func (c *adminClient) do(ctx context.Context, method, path string, body any, header ...string) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+api.Prefix+path, content)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	response, err := c.http.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer response.Body.Close()
		return nil, refusalOf(response)
	}
	return response, nil
}

// refusalOf says why a server has refused.
func refusalOf(response *http.Response) error {
	var e protocol.Error
	if err := json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&e); err != nil || e.Code == "" {
		return fmt.Errorf("the server answered %s; is it Confab, and of this version?", response.Status)
	}
	text := e.Message + " (" + string(e.Code) + ")"
	if e.Hint != "" {
		text += "\n" + e.Hint
	}
	return errors.New(text)
}

// send makes a request and reads its answer into v, or prints it if that is asked for.
func (c *adminClient) send(method, path string, body, v any, header ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, err := c.do(ctx, method, path, body, header...)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if c.json && len(content) > 0 {
		if _, err := c.out.Write(content); err != nil {
			return err
		}
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(content, v)
}

func (c *adminClient) get(path string, v any) error { return c.send(http.MethodGet, path, nil, v) }

// act makes a request that is answered with nothing, and says that it was done.
func (c *adminClient) act(method, path string, body any, done string) error {
	if err := c.send(method, path, body, nil); err != nil || c.json {
		return err
	}
	return c.print(done)
}

// copy prints an answer of any length.
func (c *adminClient) copy(path string) error {
	response, err := c.do(context.Background(), http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(c.out, response.Body); err != nil {
		return fmt.Errorf("not all of it came: %w", err)
	}
	return nil
}

func (c *adminClient) print(line string) error {
	_, err := fmt.Fprintln(c.out, line)
	return err
}

func (c *adminClient) showRoom(r api.Room) error {
	t := c.table()
	t.row("room", r.ID)
	t.row("access", r.Settings.Access)
	t.row("password", r.Settings.Password)
	t.row("people", fmt.Sprintf("%d of %d", r.Participants, r.Settings.People))
	t.row("waiting", r.Waiting)
	t.row("bans", r.Bans)
	t.row("mode", r.Mode)
	t.row("route", r.Route.Transport)
	if r.Recording != nil {
		t.row("recorded", "since "+time.UnixMilli(r.Recording.Since).UTC().Format(time.RFC3339))
	}
	t.row("events", fmt.Sprintf("%d, %d bytes kept", r.Events, r.Bytes))
	t.row("created", r.Created)
	t.row("used", r.Used)
	return t.flush()
}

// table prints rows in columns; with --json nothing, since the answer has been printed.
type table struct {
	w      *tabwriter.Writer
	silent bool
}

func (c *adminClient) table(head ...any) *table {
	t := &table{tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0), c.json}
	if len(head) > 0 {
		t.row(head...)
	}
	return t
}

func (t *table) row(cells ...any) {
	if t.silent {
		return
	}
	for i, cell := range cells {
		if i > 0 {
			_, _ = io.WriteString(t.w, "\t") // flush reports the error
		}
		switch cell := cell.(type) {
		case time.Time:
			_, _ = io.WriteString(t.w, cell.Local().Format("2006-01-02 15:04:05"))
		case bool:
			_, _ = io.WriteString(t.w, map[bool]string{true: "yes", false: "no"}[cell])
		default:
			_, _ = fmt.Fprint(t.w, cell)
		}
	}
	_, _ = io.WriteString(t.w, "\n")
}

func (t *table) flush() error { return t.w.Flush() }

// text makes what strangers wrote fit for a cell: nothing in it can play with the terminal or break the line.
func text(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
