package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
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

// report is how the session is.
func (r *roaming) report() status.Report {
	s := r.proxy.State()
	return status.Report{
		PID: os.Getpid(), Host: r.host.HostName, User: r.host.User, Transport: r.host.UdpMode,
		Path: s.Kind, Local: address(s.Local), Remote: address(s.Remote),
		Online: s.Online, Lost: s.Lost, Trying: s.Trying,
		RTT: s.RTT.Seconds(), Loss: s.Loss, Sent: s.Sent, Received: s.Received,
		Opened: r.since, PathSince: s.Since,
	}
}

// address is "" for one that is not known, as behind ssh's own connection.
func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// status are the lines of ~s.
func (r *roaming) status() []string { return r.report().Lines(time.Now()) }
