//go:build !(linux && inherit)

package main

// ignoreInherited does nothing: what was ignored is not known here.
func ignoreInherited() {}
