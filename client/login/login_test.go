package login

import (
	"context"
	"net"
	"strings"
	"testing"

	"tssh/client/config"
)

func TestRefusedConnectionSaysItAsSSH(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	_, err = Dial(context.Background(), &config.Host{HostName: "127.0.0.1", Port: port}, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "ssh: connect to host 127.0.0.1 port ") ||
		!strings.HasSuffix(err.Error(), ": Connection refused") {
		t.Fatal(err)
	}
}
