package terms

import (
	"bytes"
	"strings"
	"testing"
)

func TestHelloSurvivesAnyShell(t *testing.T) {
	hello := make([]byte, MaxHello)
	for i := range hello {
		hello[i] = byte(i * 7)
	}
	word := HelloWord(hello)
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Error("a shell may change it")
	}
	if got, err := ParseHello(word); err != nil || !bytes.Equal(got, hello) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, bad := range []string{word + "AAAA", "a", "AB=", "A B", "\x00"} {
		if got, err := ParseHello(bad); err == nil {
			t.Errorf("%.20q: %x", bad, got)
		}
	}
	if got, err := ParseHello(""); len(got) > 0 || err != nil {
		t.Errorf("none: %x, %v", got, err)
	}
}

func FuzzParseHello(f *testing.F) {
	f.Add(HelloWord([]byte("\x00\x01x")))
	f.Fuzz(func(t *testing.T, word string) {
		hello, err := ParseHello(word)
		if err != nil {
			return
		}
		if again, err := ParseHello(HelloWord(hello)); err != nil || !bytes.Equal(again, hello) {
			t.Errorf("%q: %x, then %x, %v", word, hello, again, err)
		}
	})
}
