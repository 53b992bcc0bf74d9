package server

import (
	"fmt"
	"os"
	"time"

	"tssh/proxy/roster"
	"tssh/server/registry"
)

// listing is the command line of "tsshd sessions".
type listing struct {
	JSON bool `name:"json" help:"as JSON"`
}

func listSessions(how listing) int {
	list := registry.Sessions(registry.List())
	if len(list) == 0 && !how.JSON {
		_, err := fmt.Println(roster.None)
		return printed(err)
	}
	return printed(roster.Show(os.Stdout, time.Now(), list, how.JSON))
}
