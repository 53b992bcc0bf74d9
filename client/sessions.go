package client

import (
	"context"
	"fmt"
	"os"
	"time"

	"tssh/client/roam"
	"tssh/proxy/roster"
	"tssh/proxy/wire"
)

// sessions is --sessions and --end: what is asked of the tsshd on the host, through
// an ordinary login.
func (v *invocation) sessions(ctx context.Context) int {
	l, _, err := v.logIn(ctx, false)
	if err != nil {
		v.tell(err)
		return exitError
	}
	defer l.Close()
	ask := wire.List
	if v.cmd.End != "" {
		ask = wire.End
	}
	a, err := roam.Ask(ctx, l, v.moving(v.host), ask, v.cmd.End)
	if err != nil {
		v.log.Errorf("tssh: %s: %v", v.host.HostName, err)
		return exitError
	}
	switch {
	case v.cmd.End != "":
		return 0
	case len(a.Sessions) == 0 && !v.cmd.JSON:
		_, err = fmt.Println(roster.None)
	default:
		err = roster.Show(os.Stdout, time.Now(), a.Sessions, v.cmd.JSON)
	}
	return printed(err)
}
