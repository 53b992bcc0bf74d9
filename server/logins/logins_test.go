package logins

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// story is a session with logins that end when they are told to, unless busy.
type story struct {
	*Logins
	ended []int
	busy  map[int]bool
}

func newStory(first int) *story {
	s := &story{busy: map[int]bool{}}
	s.Logins = newLogins(login(first), func(x Login) bool {
		if s.busy[x.pid] {
			return false
		}
		s.ended = append(s.ended, x.pid)
		return true
	})
	return s
}

func login(pid int) Login {
	if pid == 0 {
		return Login{}
	}
	return Login{pid, 1}
}

// runs lets the session go on for a minute.
func (s *story) runs() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.Run(ctx)
}

func (s *story) want(t *testing.T, what string, pids ...int) {
	t.Helper()
	s.runs()
	if !slices.Equal(s.ended, pids) {
		t.Errorf("%s: ended %v, want %v", what, s.ended, pids)
	}
}

func TestOnlyTheNewestStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(1)
		proven, gone := s.Came(login(1))
		proven()
		gone()
		s.want(t, "one login")

		proven2, gone2 := s.Came(login(2))
		s.want(t, "a login of which nobody knows who it is")
		_, gone3 := s.Came(login(3))
		proven2()
		s.want(t, "a newer login has brought a knock", 1)
		gone3()
		s.want(t, "one newer still has not, and may be what the client stands on", 1)

		proven4, _ := s.Came(login(4))
		proven4()
		s.want(t, "nothing comes through 3, but through 2 something may", 1, 3)
		gone2()
		gone2()
		s.want(t, "nothing comes through 2", 1, 3, 2)

		_, gone = s.Came(login(0))
		gone()
		s.want(t, "one that is not known", 1, 3, 2)
	})
}

// TestLateKnockOfAnOldLogin does not make it the newest.
func TestLateKnockOfAnOldLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(1)
		proven, _ := s.Came(login(2))
		proven()
		s.want(t, "two", 1)
		proven3, gone3 := s.Came(login(3))
		proven3()
		proven2, gone2 := s.Came(login(2))
		proven2()
		gone3()
		s.want(t, "streams over 2 stand", 1)
		gone2()
		s.want(t, "one of them still", 1)
	})
}

// TestLoginInUseByAnother stays, until nothing runs there.
func TestLoginInUseByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(1)
		s.busy[1] = true
		proven, _ := s.Came(login(2))
		proven()
		s.want(t, "a program runs in 1")
		s.busy[1] = false
		s.want(t, "nobody looks again for its own sake")
		proven, _ = s.Came(login(3))
		proven()
		s.want(t, "looked at again", 1)
	})
}

// TestUnknownFirst: on a server that is no sshd, or shows no processes.
func TestUnknownFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStory(0)
		s.Close(t.Context(), time.Second)
		s.want(t, "nothing is known")
		proven, gone := s.Came(login(0))
		proven()
		gone()
		s.want(t, "nor is more")
	})
}
