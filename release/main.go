// Command release builds what users install. It is no part of the program.
//
//	go run ./release bundle    the servers that tssh holds, and bin/tssh with them
//	go run ./release servers   those of all machines, and bin/tssh, beside which they lie
//	go run ./release dist      everything, into dist
//
// Two runs on one commit write the same bytes: the builds have no paths, and the
// archives no times but that of the commit.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	only := flag.String("only", "", "comma list of OS/ARCH to build servers for, for tests")
	home := flag.String("home", nowhere, "where the release is to be had: its files will be in releases/VERSION below")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: go run ./release [-only OS/ARCH,...] [-home URL] bundle|servers|dist")
	}
	flag.Parse()
	if err := run(flag.Arg(0), *only, *home); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(what, only, home string) error {
	kinds := Targets
	if what == "bundle" {
		kinds = embedded()
	}
	if only != "" {
		kinds = nil
		for _, name := range strings.Split(only, ",") {
			t, ok := target(name)
			if !ok {
				return fmt.Errorf("no target %s", name)
			}
			kinds = append(kinds, t)
		}
	}
	switch what {
	case "bundle", "servers":
		if err := bundle(kinds); err != nil {
			return err
		}
		return native("bin/tssh")
	case "dist":
		return dist(kinds, "dist", home)
	}
	flag.Usage()
	return fmt.Errorf("%q: no such thing", what)
}
