// Package voice speaks with the user as ssh does: lines of the log, each with
// a level, and questions, asked on the terminal or by the program that
// SSH_ASKPASS names.
package voice

import (
	"fmt"
	"strings"

	"tssh/proxy/visible"
)

// Level is how much a line matters. A line is shown when its level is at or
// below the one that LogLevel chose.
type Level int

// The levels of LogLevel.
const (
	Quiet Level = iota
	Fatal
	Error
	Info
	Verbose
	Debug1
	Debug2
	Debug3
)

// ParseLevel reads the name of a level as LogLevel spells it.
func ParseLevel(name string) (Level, bool) {
	switch strings.ToUpper(name) {
	case "QUIET":
		return Quiet, true
	case "FATAL":
		return Fatal, true
	case "ERROR":
		return Error, true
	case "INFO":
		return Info, true
	case "VERBOSE":
		return Verbose, true
	case "DEBUG", "DEBUG1":
		return Debug1, true
	case "DEBUG2":
		return Debug2, true
	case "DEBUG3":
		return Debug3, true
	}
	return Info, false
}

// String is the level's name as LogLevel spells it.
func (l Level) String() string {
	names := [...]string{"QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG2", "DEBUG3"}
	if l < Quiet || l > Debug3 {
		return "UNKNOWN"
	}
	return names[l]
}

// Prefix is what ssh puts in front of a line of this level.
func (l Level) Prefix() string {
	if l >= Debug1 && l <= Debug3 {
		return fmt.Sprintf("debug%d: ", int(l-Debug1)+1)
	}
	return ""
}

// Log takes one line of the log, or several in one text, without a newline at
// its end and without the level's prefix. A nil Log is silent.
type Log func(level Level, text string)

func (l Log) say(level Level, format string, args []any) {
	if l != nil {
		// As in ssh no line reaches the terminal with control characters in
		// it: wherever a server's words got into one, they end here.
		l(level, visible.Text(fmt.Sprintf(format, args...)))
	}
}

// Fatalf says why the program ends, as ssh does where it calls that fatal.
func (l Log) Fatalf(format string, args ...any) { l.say(Fatal, format, args) }

// Errorf says what went wrong.
func (l Log) Errorf(format string, args ...any) { l.say(Error, format, args) }

// Infof says what the user should know: ssh's warnings are of this kind.
func (l Log) Infof(format string, args ...any) { l.say(Info, format, args) }

// Verbosef says what LogLevel VERBOSE adds.
func (l Log) Verbosef(format string, args ...any) { l.say(Verbose, format, args) }

// Debugf says what -v adds.
func (l Log) Debugf(format string, args ...any) { l.say(Debug1, format, args) }

// Debug2f says what -vv adds.
func (l Log) Debug2f(format string, args ...any) { l.say(Debug2, format, args) }

// Debug3f says what -vvv adds.
func (l Log) Debug3f(format string, args ...any) { l.say(Debug3, format, args) }
