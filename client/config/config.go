// Package config evaluates ssh_config(5), our own keys in it, and the options
// of the command line into one typed Host. It opens no connection.
package config
