package client

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"tssh/client/status"
)

// showStatus is --status: every session of this user's.
func showStatus(w io.Writer, asJSON bool) int {
	reports, err := status.Read(status.Dir())
	if err == nil && asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		err = e.Encode(append([]status.Report{}, reports...))
	} else if err == nil && len(reports) == 0 {
		_, err = fmt.Fprintln(w, "no sessions in UDP mode")
	} else if err == nil {
		err = status.Table(w, time.Now(), reports)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "tssh: status: %v\n", err)
		return exitError
	}
	return 0
}

// sessionsHere are the names of the sessions that clients on this machine have.
func sessionsHere() (names []string) {
	reports, _ := status.Read(status.Dir())
	for _, r := range reports {
		names = append(names, r.Session)
	}
	return names
}
