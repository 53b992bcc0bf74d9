package algorithm

import (
	"strings"
	"testing"
)

func TestQuickestCipherComesFirstUnlessTheUserChose(t *testing.T) {
	for _, c := range []struct {
		spec string
		aes  bool
		want string // the first two
	}{
		{"", true, "aes128-gcm@openssh.com aes256-gcm@openssh.com"},
		{"", false, "chacha20-poly1305@openssh.com aes128-gcm@openssh.com"},
		{"+aes128-cbc", true, "aes128-gcm@openssh.com aes256-gcm@openssh.com"},
		{"-aes128-gcm@openssh.com", true, "aes256-gcm@openssh.com chacha20-poly1305@openssh.com"},
		{"-aes*-gcm@openssh.com", true, "chacha20-poly1305@openssh.com aes128-ctr"},
		{"^chacha20-poly1305@openssh.com", true, "chacha20-poly1305@openssh.com aes128-gcm@openssh.com"},
		{"^aes256-ctr", true, "aes256-ctr chacha20-poly1305@openssh.com"},
		{"chacha20-poly1305@openssh.com,aes128-gcm@openssh.com", true, "chacha20-poly1305@openssh.com aes128-gcm@openssh.com"},
	} {
		all := Assemble(Cipher, c.spec)
		got := quick(all, c.spec, c.aes)
		if len(got) != len(all) || strings.Join(got[:2], " ") != c.want {
			t.Errorf("%q, %v: %v", c.spec, c.aes, got)
		}
	}
}
