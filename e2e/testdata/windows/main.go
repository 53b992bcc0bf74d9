// Command windows is what tests miss on a Windows: "cat", and "agent FILE", OpenSSH's
// agent with that key on the pipe where it listens.
package main

import (
	"io"
	"log"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/sys/windows"
)

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 2 && os.Args[1] == "cat":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			log.Fatal(err)
		}
	case len(os.Args) == 3 && os.Args[1] == "agent":
		log.Fatal(serve(os.Args[2]))
	default:
		log.Fatal("usage: windows cat | agent FILE")
	}
}

func serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return err
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key, Comment: "in the pipe"}); err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(`\\.\pipe\openssh-ssh-agent`)
	if err != nil {
		return err
	}
	// Not by the library that tssh has for it: its overlapped ConnectNamedPipe is
	// not for wine.
	for {
		pipe, err := windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX, windows.PIPE_TYPE_BYTE, windows.PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, nil)
		if err != nil {
			return err
		}
		os.Stdout.WriteString("listens\n")
		if err := windows.ConnectNamedPipe(pipe, nil); err != nil && err != windows.ERROR_PIPE_CONNECTED {
			return err
		}
		conn := os.NewFile(uintptr(pipe), "pipe")
		go func() {
			defer conn.Close()
			agent.ServeAgent(ring, conn)
		}()
	}
}
