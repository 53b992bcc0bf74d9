package background

import (
	"errors"
	"os"
	"runtime"
	"testing"
)

// borrowed has children made up here, whose descriptor is somebody else's in this
// process: nothing may close it, as the collector would.
var borrowed []Child

func TestBackgroundIsToldOnceAndNobodyElse(t *testing.T) {
	t.Setenv(stageEnv, "2")
	r := FromEnv()
	borrowed = append(borrowed, r)
	if r.Stage != Master {
		t.Errorf("stage %d", r.Stage)
	}
	// Programs that we start must not take themselves for our child.
	if _, ok := os.LookupEnv(stageEnv); ok {
		t.Error("the environment still says so")
	}
	if r := FromEnv(); r.Stage != Alone || r.pipe != nil {
		t.Errorf("and a second time: %+v", r)
	}
}

// TestChildThatEndsBeforeItIsReady gives its exit status to its parent; one that is
// ready lets it go on. The test is its own child.
func TestChildThatEndsBeforeItIsReady(t *testing.T) {
	if c := FromEnv(); c.Stage == Behind {
		os.Exit(7)
	} else if c.Stage == Master {
		if err := c.Ready(true); err != nil {
			os.Exit(8)
		}
		os.Exit(0)
	}
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{args[0], "-test.run=^" + t.Name() + "$"}
	var ended *Ended
	if err := Start(Behind); !errors.As(err, &ended) || ended.Code != 7 {
		t.Errorf("got %v, want its exit status, 7", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := Start(Master); err != nil {
		t.Errorf("ready: %v", err)
	}
}
