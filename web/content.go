package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// The two ways to cache: an asset's name changes with its content, a page's does not.
const (
	forever    = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

// content is one file, ready to send.
type content struct {
	kind    string // Content-Type
	caching string // Cache-Control
	tag     string // ETag of the plain body; the compressed one's differs (RFC 9110 §8.8.3.3)
	plain   []byte
	gzipped []byte // nil when compression does not help
}

// kinds names what the mime package may not know on a machine without its tables.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".txt":  "text/plain; charset=utf-8",

	".webmanifest": "application/manifest+json",
}

func newContent(name string, body []byte, caching string) *content {
	sum := sha256.Sum256(body)
	c := &content{
		kind:    kinds[path.Ext(name)],
		caching: caching,
		tag:     base64.RawURLEncoding.EncodeToString(sum[:12]),
		plain:   body,
	}
	if c.kind == "" {
		c.kind = mime.TypeByExtension(path.Ext(name))
	}
	if c.kind == "" {
		c.kind = "application/octet-stream"
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil {
		err = z.Close()
	}
	// A fifth saved is worth the browser's work; pictures are compressed already.
	if err == nil && b.Len() < len(body)*4/5 {
		c.gzipped = b.Bytes()
	}
	return c
}

// send writes the content, or says that the browser has it. The error is the connection's.
func (c *content) send(w http.ResponseWriter, r *http.Request, status int) error {
	body, tag := c.plain, `"`+c.tag+`"`
	h := w.Header()
	h.Set("Content-Type", c.kind)
	h.Set("Cache-Control", c.caching)
	if c.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body, tag = c.gzipped, `"`+c.tag+`-gz"`
		}
	}
	if status == http.StatusOK {
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3); gzip;q=0 is a refusal.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		if !found {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}

// matches reads If-None-Match (RFC 9110 §13.1.2).
func matches(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || part == tag {
			return true
		}
	}
	return false
}
