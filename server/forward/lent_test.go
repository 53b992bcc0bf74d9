package forward

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/sshconn"
	"tssh/server/policy"
)

// lender is a client that is told of channels, and takes none.
type lender struct {
	sshconn.Server
	asked chan string
}

func (l lender) OpenChannel(kind string, _ []byte) (sshconn.Channel, error) {
	l.asked <- kind
	return nil, &ssh.OpenChannelError{Reason: ssh.Prohibited, Message: "no"}
}

// TestAgentLeadsToTheClientThatIsThere: programs have one socket, while clients
// come, one of which lends no agent, and go.
func TestAgentLeadsToTheClientThatIsThere(t *testing.T) {
	lent := new(Lent)
	defer lent.Close()
	sit := func() (*Forwarder, lender) {
		c := lender{asked: make(chan string, 8)}
		f := NewFor(lent, c, policy.Careful(), t.Logf)
		lent.Lead(f)
		return f, c
	}
	first, one := sit()
	socket, err := first.Agent()
	if err != nil {
		t.Fatal(err)
	}
	use := func() {
		t.Helper()
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		conn.Close()
	}
	use()
	if len(one.asked) != 1 {
		t.Error("the client was not asked")
	}
	second, two := sit()
	use()
	if len(one.asked)+len(two.asked) != 1 {
		t.Error("asked for an agent that nobody lends")
	}
	if again, err := second.Agent(); err != nil || again != socket {
		t.Errorf("%s, %v; it was %s", again, err, socket)
	}
	use()
	if len(two.asked) != 1 {
		t.Error("the second client was not asked")
	}
	first.Close() // which has not the place any more
	use()
	second.Unlisten()
	use()
	if len(one.asked) != 1 || len(two.asked) != 2 {
		t.Errorf("%d, %d", len(one.asked), len(two.asked))
	}
	second.Close()
}

// TestDisplayStaysForTheNextClient, whose policy may have none.
func TestDisplayStaysForTheNextClient(t *testing.T) {
	lent := new(Lent)
	defer lent.Close()
	with, without := policy.Careful(), policy.Careful()
	with.X11, with.X11Localhost = true, true
	one, two := lender{asked: make(chan string, 8)}, lender{asked: make(chan string, 8)}
	first, second := NewFor(lent, one, with, nil), NewFor(lent, two, without, nil)
	lent.Lead(first)
	name, _, end, err := first.Display(false, 0)
	if err != nil {
		t.Fatal(err)
	}
	number := strings.TrimSuffix(strings.TrimPrefix(name, "localhost:"), ".0")
	use := func() {
		t.Helper()
		conn, err := net.Dial("tcp", "127.0.0.1:60"+number)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		conn.Read(make([]byte, 1))
		conn.Close()
	}
	use()
	lent.Lead(second)
	if _, _, _, err := second.Display(false, 0); err == nil {
		t.Error("a display that the policy forbids")
	}
	use()
	if len(one.asked) != 1 || len(two.asked) != 0 {
		t.Errorf("%d, %d", len(one.asked), len(two.asked))
	}
	first.Close()
	second.Close()
	end()
	if _, err := net.Dial("tcp", "127.0.0.1:60"+number); err == nil {
		t.Error("the display is there after its end")
	}
}
