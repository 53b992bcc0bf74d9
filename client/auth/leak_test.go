package auth

import (
	"testing"

	"tssh/proxy/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
