package relay

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog hands pion's warnings and errors to slog. The rest is dropped unformatted: pion writes a line per packet, with
// user names and addresses, and what matters of it is logged and counted here.
type pionLog struct{ log *slog.Logger }

func (p pionLog) NewLogger(string) logging.LeveledLogger { return p }

func (pionLog) Trace(string)                    {}
func (pionLog) Tracef(string, ...any)           {}
func (pionLog) Debug(string)                    {}
func (pionLog) Debugf(string, ...any)           {}
func (pionLog) Info(string)                     {}
func (pionLog) Infof(string, ...any)            {}
func (p pionLog) Warn(msg string)               { p.log.Warn("pion/turn", "message", msg) }
func (p pionLog) Warnf(format string, a ...any) { p.Warn(fmt.Sprintf(format, a...)) }

// Error is debug for us: pion's errors are a client gone while something was sent to it, and an unanswerable request.
func (p pionLog) Error(msg string)               { p.log.Debug("pion/turn", "message", msg) }
func (p pionLog) Errorf(format string, a ...any) { p.Error(fmt.Sprintf(format, a...)) }
