package shell

import (
	"runtime"
	"strings"
	"testing"
)

// TestQuotesAreTheLines: a ProxyCommand of C:\Program Files\..., and what has more
// quotes behind it.
func TestQuotesAreTheLines(t *testing.T) {
	line, want := `printf '%s|' "a  b" 'c"d'`, `a  b|c"d|`
	if runtime.GOOS == "windows" {
		line, want = `echo "a  b" c^&d & echo second`, "\"a  b\" c&d \r\nsecond\r\n"
	}
	for name, out := range map[string]func() ([]byte, error){"Command": Command(line).Output, "InPlace": InPlace(line).Output} {
		got, err := out()
		if err != nil || !strings.EqualFold(string(got), want) && !strings.HasPrefix(string(got), want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
