//go:build tsshd

package main

import (
	"fmt"
	"os"
)

// runClient is of the build that is sent to servers: it has no client in it.
func runClient([]string) int {
	fmt.Fprintln(os.Stderr, "tssh: this file is tsshd alone, as tssh sends it to servers; install tssh to log in from here")
	return 255
}
