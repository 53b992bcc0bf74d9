//go:build !(linux && inherit)

package main

// heedInherited does nothing: what was ignored is not known here.
func heedInherited() {}
