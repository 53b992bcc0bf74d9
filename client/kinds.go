package client

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"tssh/client/servers"
)

// showServers is --servers: what can be sent, and from where.
func showServers(w io.Writer, store *servers.Store) error {
	var b strings.Builder
	own, absent := false, false
	for _, s := range store.All() {
		own = own || s.OS == runtime.GOOS && s.Arch == runtime.GOARCH
		place, err := store.Place(s)
		if err == nil {
			_, err = store.Packed(s) // which looks whether it is the right one
		}
		switch {
		case errors.Is(err, servers.ErrAbsent):
			place, absent = "not here", true
		case err != nil:
			place = err.Error()
		case place == "":
			place = "in tssh"
		}
		fmt.Fprintf(&b, "%-18s %5.1f MB  %s\n", s.OS+" "+s.Arch, float64(s.Size)/1e6, place)
	}
	if !own {
		fmt.Fprintf(&b, "%-18s           this program itself\n", runtime.GOOS+" "+runtime.GOARCH)
	}
	if store.All() == nil {
		b.WriteString("This build knows no others; those of a release do, and those of \"make bundle\".\n")
	}
	if absent {
		fmt.Fprintf(&b, "For what is not here install tssh-servers, or put its files into one of:\n")
		for _, dir := range store.Dirs() {
			fmt.Fprintf(&b, "  %s\n", dir)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
