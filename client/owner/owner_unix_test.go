//go:build unix

package owner

import "testing"

func TestGroupOfOneselfMayWrite(t *testing.T) {
	passwd := "root:x:0:0::/:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:1001::/home/you:/bin/sh\nit:x:1002:1003::/:/bin/sh\n"
	group := "root:x:0:\nme:x:1000:\nyou:x:1001:me\nours:x:1002:me,you\nempty:x:1004:\nmine:x:1005:me\n"
	for _, c := range []struct {
		gid  int
		want bool
	}{{1000, true}, {1001, false}, {1002, false}, {1003, false}, {1004, false}, {1005, true}, {9, false}} {
		if got := alone(c.gid, 1000, passwd, group); got != c.want {
			t.Errorf("group %d: alone is %v", c.gid, got)
		}
	}
	if alone(1000, 1000, "", "") {
		t.Error("alone in a group of which nothing is known")
	}
}
