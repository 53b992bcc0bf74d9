//go:build unix

package voice

import (
	"fmt"
	"io"
	"log/syslog"
)

// openSyslog is where -y sends the log.
func openSyslog(facility string) (io.Writer, error) {
	facilities := map[string]syslog.Priority{
		"DAEMON": syslog.LOG_DAEMON, "USER": syslog.LOG_USER, "AUTH": syslog.LOG_AUTH, "AUTHPRIV": syslog.LOG_AUTHPRIV,
		"LOCAL0": syslog.LOG_LOCAL0, "LOCAL1": syslog.LOG_LOCAL1, "LOCAL2": syslog.LOG_LOCAL2, "LOCAL3": syslog.LOG_LOCAL3,
		"LOCAL4": syslog.LOG_LOCAL4, "LOCAL5": syslog.LOG_LOCAL5, "LOCAL6": syslog.LOG_LOCAL6, "LOCAL7": syslog.LOG_LOCAL7,
	}
	f, ok := facilities[facility]
	if !ok {
		f = syslog.LOG_USER
	}
	w, err := syslog.New(f|syslog.LOG_INFO, "ssh")
	if err != nil {
		return nil, fmt.Errorf("open syslog: %w", err)
	}
	return w, nil
}
