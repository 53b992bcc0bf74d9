package main

import "slices"

// Target is a kind of machine that a release is for.
type Target struct {
	OS, Arch              string
	Variant               string // of the processor, as an environment variable of go; "" is the default
	Embedded              bool   // in every tssh
	Deb, RPM, APK, Arch64 bool
}

// Targets are all of them. Every kind can be a server, and a client.
var Targets = []Target{
	{OS: "linux", Arch: "amd64", Variant: "GOAMD64=v1", Embedded: true, Deb: true, RPM: true, APK: true, Arch64: true},
	{OS: "linux", Arch: "arm64", Variant: "GOARM64=v8.0", Embedded: true, Deb: true, RPM: true, APK: true},
	{OS: "linux", Arch: "arm", Variant: "GOARM=6", Deb: true, APK: true},
	{OS: "linux", Arch: "386", Variant: "GO386=sse2", Deb: true, APK: true},
	{OS: "linux", Arch: "riscv64", Variant: "GORISCV64=rva20u64", Deb: true, RPM: true, APK: true},
	{OS: "linux", Arch: "ppc64le", Variant: "GOPPC64=power8", Deb: true, RPM: true, APK: true},
	{OS: "linux", Arch: "s390x", Deb: true, RPM: true, APK: true},
	{OS: "linux", Arch: "loong64", Deb: true, APK: true},
	{OS: "linux", Arch: "mips64le", Variant: "GOMIPS64=hardfloat", Deb: true},
	{OS: "freebsd", Arch: "amd64", Variant: "GOAMD64=v1"},
	{OS: "freebsd", Arch: "arm64", Variant: "GOARM64=v8.0"},
	{OS: "openbsd", Arch: "amd64", Variant: "GOAMD64=v1"},
	{OS: "openbsd", Arch: "arm64", Variant: "GOARM64=v8.0"},
	{OS: "darwin", Arch: "amd64", Variant: "GOAMD64=v1"},
	{OS: "darwin", Arch: "arm64", Variant: "GOARM64=v8.0"},
	{OS: "windows", Arch: "amd64", Variant: "GOAMD64=v1"},
	{OS: "windows", Arch: "arm64", Variant: "GOARM64=v8.0"},
}

func (t Target) String() string { return t.OS + "/" + t.Arch }

func target(name string) (Target, bool) {
	i := slices.IndexFunc(Targets, func(t Target) bool { return t.String() == name })
	if i < 0 {
		return Target{}, false
	}
	return Targets[i], true
}

func embedded() []Target {
	return slices.DeleteFunc(slices.Clone(Targets), func(t Target) bool { return !t.Embedded })
}
