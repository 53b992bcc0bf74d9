// The number of cores is read once: asking again and again would wake a
// session that sleeps.
//
//go:debug updatemaxprocs=0

// Command tssh is a remote shell whose sessions survive the network: tssh is
// the client, a drop-in for ssh, and tsshd the server that it starts on the far
// side. Both are this one file; its name says which it is.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"tssh/proxy/cores"
	"tssh/server"
)

func main() {
	// quic-go logs that a socket's buffer could not grow. That is no news to
	// anyone who looks at a terminal, and what we have to say does not come
	// this way.
	log.SetOutput(io.Discard)
	cores.Mind()
	os.Exit(run(os.Args))
}

func run(argv []string) int {
	role, args := role(argv)
	switch role {
	case "tssh":
		ignoreInherited()
		return runClient(args)
	case "tsshd":
		return server.Main(args)
	}
	fmt.Fprintf(os.Stderr, "%s: is tssh and tsshd in one file: call it by one of these names, or give the name first:\n"+
		"  %[1]s tssh [user@]host [command]\n  %[1]s tsshd --help\n", filepath.Base(argv[0]))
	return 255
}

// role says which program argv asks for, tssh or tsshd, and gives the rest of
// its arguments. The program's own name decides; only another name leaves it to
// the first argument, so that "tssh tsshd" is a login to a host called tsshd, and
// "tssh-linux-amd64 tsshd" is not.
func role(argv []string) (name string, args []string) {
	if len(argv) == 0 {
		return "", nil
	}
	if r := named(filepath.Base(argv[0])); r != "" {
		return r, argv[1:]
	}
	if len(argv) > 1 {
		if r := named(argv[1]); r != "" {
			return r, argv[2:]
		}
	}
	if r := downloaded(filepath.Base(argv[0])); r != "" {
		return r, argv[1:]
	}
	return "", nil
}

// downloaded is named for a file that was not renamed after it was fetched: its
// name goes on with a version, a machine, or a browser's number.
func downloaded(file string) string {
	name := strings.ToLower(file)
	if end := strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }); end > 0 && name[:end] != "ssh" {
		return named(name[:end])
	}
	return ""
}

// named gives the program that a file's name stands for.
func named(file string) string {
	base := strings.ToLower(file)
	switch strings.TrimSuffix(base, ".exe") {
	case "tssh", "ssh":
		return "tssh"
	case "tsshd":
		return "tsshd"
	}
	return ""
}
