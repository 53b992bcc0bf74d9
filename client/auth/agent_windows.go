package auth

import (
	"net"
	"strings"
	"time"

	"github.com/Microsoft/go-winio"
)

// systemAgent is the pipe of Windows' own agent unless another is named.
func systemAgent(env string) string {
	if env == "" {
		return `\\.\pipe\openssh-ssh-agent`
	}
	return env
}

func dialAgent(path string) (net.Conn, error) {
	if strings.HasPrefix(path, `\\`) || strings.HasPrefix(path, "//") {
		wait := 2 * time.Second
		return winio.DialPipe(path, &wait)
	}
	return net.Dial("unix", path)
}
