// Package shell runs command lines of the configuration as ssh does: by the
// user's shell.
package shell
