package owner

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

// TestLists: what OpenSSH for Windows refuses is refused, and what a profile
// gives its files by itself is not.
func TestLists(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	me := user.User.Sid.String()
	for list, want := range map[string]struct{ read, write bool }{
		"O:" + me + "D:P(A;;FA;;;" + me + ")":                              {},
		"O:" + me + "D:(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;" + me + ")": {},
		"O:BAD:P(A;;FA;;;BA)(A;;FR;;;" + me + ")":                          {},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(D;;FA;;;WD)":                  {},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(A;OIIO;FA;;;WD)":              {},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(A;;FR;;;WD)":                  {read: true},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(A;;FR;;;BU)":                  {read: true},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(A;;FA;;;WD)":                  {read: true, write: true},
		"O:" + me + "D:P(A;;FA;;;" + me + ")(A;;WD;;;BU)":                  {read: true, write: true}, // may change the list
		"O:WDD:P(A;;FA;;;" + me + ")":                                      {read: true, write: true}, // another's
	} {
		sd, err := windows.SecurityDescriptorFromString(list)
		if err != nil {
			t.Errorf("%s: %v", list, err)
			continue
		}
		if limited(sd, writes) == want.write || limited(sd, reads|writes) == want.read {
			t.Errorf("%s: want %+v; others may write %v, read or write %v", list, want, !limited(sd, writes), !limited(sd, reads|writes))
		}
	}
}

func TestFileOfOnesOwn(t *testing.T) {
	// Not TempDir, which wine can't remove.
	dir, err := os.MkdirTemp("", "tssh")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	file := filepath.Join(dir, "key")
	defer os.Remove(file)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !Only(f, false) {
		t.Error("others can write it")
	}
	if Exposed(filepath.Join(dir, "none")) {
		t.Error("a file that is not there is exposed")
	}
}
