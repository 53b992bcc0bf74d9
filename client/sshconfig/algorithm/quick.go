package algorithm

import (
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// Quick puts the ciphers whose order the user has not chosen into the order that
// is quickest here. spec is what the user said of them: nothing, or what to add
// or to leave out; whoever lists ciphers, or some that come first, has chosen.
// OpenSSH's order suits processors without AES: with its instructions AES-GCM
// takes less than half of the time of ChaCha20 in Go, and is as strong.
func Quick(ciphers []string, spec string) []string { return quick(ciphers, spec, hasAES()) }

func quick(ciphers []string, spec string, aes bool) []string {
	if !aes || spec != "" && spec[0] != '+' && spec[0] != '-' {
		return ciphers
	}
	isGCM := func(name string) bool { return strings.HasSuffix(name, "-gcm@openssh.com") }
	gcm := slices.DeleteFunc(slices.Clone(ciphers), func(n string) bool { return !isGCM(n) })
	return append(gcm, slices.DeleteFunc(slices.Clone(ciphers), isGCM)...)
}

// hasAES tells whether the processor computes AES and GCM by itself.
func hasAES() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ
	case "arm64":
		return runtime.GOOS == "darwin" || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	case "s390x":
		return cpu.S390X.HasAES && cpu.S390X.HasGHASH
	}
	return false
}
