// Package config is what was configured for one host: a typed Host that is read by
// all who connect, authenticate, forward and show, and written by none of them.
// Package sshconfig makes it.
package config
