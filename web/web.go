package web

import (
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
)

//go:embed dist
var embedded embed.FS

// Options say how the pages look and who may frame them.
type Options struct {
	Branding Branding
	// FrameAncestors are the origins that may show a room in a frame (CSP frame-ancestors sources). Empty: only our own.
	FrameAncestors []string
	// Log hears of requests that could not be answered in full; nil means slog.Default().
	Log *slog.Logger
}

// Handler serves the app. It answers every path, so it belongs behind the API's more specific patterns. It fails only
// when an option cannot be used, and then names it.
func Handler(o Options) (http.Handler, error) {
	files, err := fs.Sub(embedded, "dist")
	if err != nil {
		return nil, err
	}
	return handler(files, o)
}

// roomName is what the protocol allows as a room.
var roomName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// site is the app, ready to send: it does not change after handler made it.
type site struct {
	log      *slog.Logger
	security http.Header         // on every answer
	files    map[string]*content // by path
	index    *content            // home and rooms
	missing  *content            // everything else
}

func handler(files fs.FS, o Options) (http.Handler, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	brand, err := o.Branding.prepare()
	if err != nil {
		return nil, fmt.Errorf("branding: %w", err)
	}
	security, err := securityHeaders(o.FrameAncestors)
	if err != nil {
		return nil, err
	}
	s := &site{log: o.Log, security: security, files: map[string]*content{}}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return s.add(name, body, brand)
	})
	if err != nil {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	if s.index == nil || s.missing == nil {
		return nil, fmt.Errorf("the bundle has no index.html or no 404.html: run \"go generate ./web\"")
	}
	s.files["/brand.css"] = newContent("brand.css", []byte(brand.css()), revalidate)
	if len(o.Branding.Logo) > 0 {
		logo := newContent("logo", o.Branding.Logo, revalidate)
		logo.kind = o.Branding.LogoType
		s.files["/brand/logo"] = logo
	}
	return s, nil
}

// add takes a file of the bundle in.
func (s *site) add(name string, body []byte, brand brand) error {
	switch {
	case name == "inputs.sha256":
	case strings.HasSuffix(name, ".html"), strings.HasSuffix(name, ".webmanifest"):
		page, err := brand.fill(name, body)
		if err != nil {
			return err
		}
		c := newContent(name, page, revalidate)
		switch name {
		case "index.html":
			s.index = c
		case "404.html":
			s.missing = c
		default:
			s.files["/"+name] = c
		}
	case strings.HasPrefix(name, "assets/"):
		s.files["/"+name] = newContent(name, body, forever)
	default:
		s.files["/"+name] = newContent(name, body, revalidate)
	}
	return nil
}

// bodyTime is how long the body of a request may take, which has no use here.
const bodyTime = 10 * time.Second

// ServeHTTP answers GET and HEAD.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range s.security {
		w.Header()[name] = values
	}
	if r.ContentLength != 0 {
		// Nobody reads a body here but net/http, to throw it away: it must not take its time.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // only a test's recorder has none
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET and HEAD here.", http.StatusMethodNotAllowed)
		return
	}
	path := r.URL.Path
	room, isRoom := strings.CutPrefix(path, "/r/")
	drop, isDrop := strings.CutPrefix(path, "/send/")
	switch {
	case path == "/", isRoom && roomName.MatchString(room), path == "/send", isDrop && roomName.MatchString(drop):
		s.send(w, r, s.index, http.StatusOK)
	case isRoom && roomName.MatchString(strings.TrimSuffix(strings.ToLower(room), "/")):
		// A name that somebody typed by hand. Rooms are lower case, so there is one place to meet.
		to := *r.URL
		to.Scheme, to.Host, to.User = "", "", nil
		to.Path, to.RawPath = "/r/"+strings.TrimSuffix(strings.ToLower(room), "/"), ""
		http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
	case s.files[path] != nil:
		s.send(w, r, s.files[path], http.StatusOK)
	default:
		s.send(w, r, s.missing, http.StatusNotFound)
	}
}

func (s *site) send(w http.ResponseWriter, r *http.Request, c *content, status int) {
	if err := c.send(w, r, status); err != nil {
		s.log.Debug("page not sent in full", "path", r.URL.Path, "err", err)
	}
}
