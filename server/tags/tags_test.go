package tags

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

type line struct {
	Sessions struct {
		JSON bool `name:"json"`
	} `cmd:""`
	Offer struct {
		Word     string `arg:""`
		Log      string `placeholder:"file"`
		Detached bool   `hidden:""`
	} `cmd:""`
	Relay struct {
		Socket  string `arg:""`
		Process string `arg:"" optional:"" name:"pid"`
	} `cmd:""`
	Sshd struct {
		Listen   string `default:"127.0.0.1:0"`
		HostKey  string
		PortFile string
		Verbose  bool `short:"v"`
	} `cmd:""`
}

// TestTagsAreReadAsKongReads: a copy that was sent understands what an installed
// tsshd does, and nothing else.
func TestTagsAreReadAsKongReads(t *testing.T) {
	pool := []string{
		"a", "17", "", "-", "--", "-v", "--verbose", "--verbose=yes", "--verbose=FALSE", "--verbose=", "--listen", "--listen=[::1]:22", "--listen=", "--host-key", "--port-file=p=q",
		"--log", "--log=-l", "--detached", "--json", "--json=true", "--nonsense", "-x", "--Listen=x", "--list=x",
	}
	random := rand.New(rand.NewPCG(1, 2))
	understood := 0
	for range 5000 {
		args := []string{[]string{"sessions", "offer", "relay", "sshd", "nonsense"}[random.IntN(5)]}
		for range random.IntN(4) {
			args = append(args, pool[random.IntN(len(pool))])
		}
		var want, got line
		refused := Read(&want, args)
		if args[0] != "sshd" {
			want.Sshd = got.Sshd // kong sets what other commands default to
		}
		err := own(&got, args)
		if (err == nil) != (refused == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; kong: %+v, %v", args, got, err, want, refused)
		}
		if err == nil {
			understood++
		}
	}
	if understood < 500 {
		t.Errorf("only %d were understood", understood)
	}
}
