//go:build !tsshd

package main

import "tssh/client"

func runClient(args []string) int { return client.Main(args) }
