package transport

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLoggers gives pion's lines to slog. What pion calls a warning or an error is mostly a peer that went away, so they are
// told as debug; faults that matter come through Config.OnState.
type pionLoggers struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (f pionLoggers) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{f.log.With("pion", scope)}
}

type pionLogger struct{ log *slog.Logger }

func (l pionLogger) line(level, msg string) {
	if l.enabled() {
		l.log.Debug(msg, "level", level)
	}
}

func (l pionLogger) format(level, format string, args []any) {
	if l.enabled() {
		l.log.Debug(fmt.Sprintf(format, args...), "level", level)
	}
}

func (l pionLogger) enabled() bool { return l.log.Enabled(context.Background(), slog.LevelDebug) }

// pion's trace and debug levels speak of single packets; nobody reads that.
func (l pionLogger) Trace(string)          {}
func (l pionLogger) Tracef(string, ...any) {}
func (l pionLogger) Debug(string)          {}
func (l pionLogger) Debugf(string, ...any) {}

func (l pionLogger) Info(msg string)           { l.line("info", msg) }
func (l pionLogger) Infof(f string, a ...any)  { l.format("info", f, a) }
func (l pionLogger) Warn(msg string)           { l.line("warn", msg) }
func (l pionLogger) Warnf(f string, a ...any)  { l.format("warn", f, a) }
func (l pionLogger) Error(msg string)          { l.line("error", msg) }
func (l pionLogger) Errorf(f string, a ...any) { l.format("error", f, a) }
