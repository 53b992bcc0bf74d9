package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tssh/client/login"
)

// TestDoctorObeysNoServer: the path of a tsshd is what the server said.
func TestDoctorObeysNoServer(t *testing.T) {
	got := finding("UDP", "works: tsshd /tmp/\x1b]0;mine\a\nUDP: works")
	if want := `UDP:      works: tsshd /tmp/\033]0;mine\007\012UDP: works`; got != want {
		t.Errorf("got %q", got)
	}
}

// TestDoctorWhoIsNotLetIn says so and examines nothing.
func TestDoctorWhoIsNotLetIn(t *testing.T) {
	var out strings.Builder
	ok := Examine(context.Background(), Config{
		Out: &out,
		Dial: func(context.Context) (*login.Login, error) {
			return nil, errors.New("u@h: Permission denied (publickey)\x1b[2J.")
		},
	})
	if want := "ssh:      no: u@h: Permission denied (publickey)\\033[2J.\n"; ok || out.String() != want {
		t.Errorf("%v, said %q", ok, &out)
	}
}
