package cli

import (
	"io"
	"log/slog"
)

// NewLogger logs to w what is at least of the level (debug, info, warn or error; anything else is info), as "json" or as text.
func NewLogger(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level)) // one of four: config has checked it
	options := slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &options))
	}
	return slog.New(slog.NewTextHandler(w, &options))
}
