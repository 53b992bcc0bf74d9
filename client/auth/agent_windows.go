package auth

import (
	"net"
	"strings"
	"time"

	"github.com/Microsoft/go-winio"
)

// systemPipe is where Windows' own agent listens.
const systemPipe = `\\.\pipe\openssh-ssh-agent`

// systemAgent is Windows' own agent, or PuTTY's where it doesn't run, unless
// another is named.
func systemAgent(env string) string {
	if env == "" {
		return systemPipe
	}
	return env
}

func dialAgent(path string) (net.Conn, error) {
	if !strings.HasPrefix(path, `\\`) && !strings.HasPrefix(path, "//") {
		return net.Dial("unix", path)
	}
	path = strings.ReplaceAll(path, "/", `\`)
	wait := 2 * time.Second
	conn, err := winio.DialPipe(path, &wait)
	if err != nil && path == systemPipe {
		if p, none := dialPageant(); none == nil {
			return p, nil
		}
	}
	return conn, err
}
