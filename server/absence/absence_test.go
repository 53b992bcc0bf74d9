package absence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tssh/proxy"
)

func TestAdministratorBoundsSilence(t *testing.T) {
	for _, c := range []struct {
		asked     time.Duration
		file, env string
		want      time.Duration
		word      string
	}{
		{0, "", "", proxy.DefaultAlive, ""},
		{time.Hour, "", "", time.Hour, ""},
		{10 * 365 * 24 * time.Hour, "", "12h", 12 * time.Hour, "offline for 12h"},
		{time.Hour, "", "12h", time.Hour, ""},
		{0, "", "10m", 10 * time.Minute, ""},
		{time.Hour, "# ours\nMaxAlive 30m # why\n", "", 30 * time.Minute, "tsshd.conf"},
		{time.Hour, "maxalive=30m\n", "2h", 30 * time.Minute, "tsshd.conf"},
		{time.Hour, "MaxAlive 2h\n", "5m", 5 * time.Minute, "TSSHD_MAX_ALIVE"},
		{time.Hour, "MaxAlive soon\n", "0", time.Hour, "no time"},
		{time.Hour, "Port 22\nMaxAlive 30m", "", 30 * time.Minute, "not understood"},
	} {
		file := filepath.Join(t.TempDir(), "tsshd.conf")
		if c.file != "" {
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, word := Allowed(c.asked, file, c.env)
		if got != c.want || (word == "") != (c.word == "") || !strings.Contains(word, c.word) {
			t.Errorf("%v with %q and %q: %v, %q", c.asked, c.file, c.env, got, word)
		}
	}
}
