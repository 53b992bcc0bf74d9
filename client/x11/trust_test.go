//go:build unix

package x11

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tssh/client/config"
	"tssh/client/voice"
)

// TestUntrustedNeverBecomesTrusted: where X gives no cookie that permits less,
// the user's own is not lent in its place.
func TestUntrustedNeverBecomesTrusted(t *testing.T) {
	const own = "11111111111111111111111111111111"
	dir := t.TempDir()
	xauth := filepath.Join(dir, "xauth") // knows the user's cookie and can generate none
	script := "#!/bin/sh\necho \"$*\" >>" + dir + "/asked\ncase $1 in\nlist) echo ':0 MIT-MAGIC-COOKIE-1 " + own + "' ;;\nesac\nexit 1\n"
	if err := os.WriteFile(xauth, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DISPLAY", ":0")
	var said strings.Builder
	log := voice.Log(func(_ voice.Level, text string) { said.WriteString(text + "\n") })
	if d := Open(t.Context(), &config.Host{XAuthLocation: xauth}, log); d != nil {
		t.Errorf("a display is lent with the cookie %x", d.real)
	}
	if !strings.Contains(said.String(), errNoCookie.Error()) {
		t.Errorf("said %q", said.String())
	}
	if asked, err := os.ReadFile(dir + "/asked"); err != nil || !strings.Contains(string(asked), "generate :0 MIT-MAGIC-COOKIE-1 untrusted") {
		t.Errorf("xauth was asked %q, %v", asked, err)
	}
	if d := Open(t.Context(), &config.Host{XAuthLocation: xauth, ForwardX11Trusted: true}, log); d == nil {
		t.Error("with trust nothing is lent")
	}
}
