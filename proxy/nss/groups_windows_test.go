package nss

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// TestWindowsGroups: an administrator is one, by the name in sshd_config.
func TestWindowsGroups(t *testing.T) {
	groups := Groups()
	if admin, err := windows.CreateWellKnownSid(windows.WinBuiltinAdministratorsSid); err != nil {
		t.Error(err)
	} else if is, err := windows.Token(0).IsMember(admin); err != nil || is != slices.Contains(groups, "administrators") {
		t.Errorf("administrator: %v, %v; groups %q", is, err, groups)
	}
	for _, g := range groups {
		if g == "" || strings.ToLower(g) != g {
			t.Errorf("a group of the name %q", g)
		}
	}
}
