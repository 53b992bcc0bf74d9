package voice

import (
	"os"
	"testing"

	"tssh/proxy/leak"
)

// TestMain lets the test be its own child that asks at a terminal.
func TestMain(m *testing.M) {
	if what := os.Getenv("VOICE_TEST_ASKING"); what != "" {
		askInChild(what)
		return
	}
	leak.Main(m)
}
