// Package e2e holds the tests that run the real program against OpenSSH's
// sshd, with a router between them that can do what networks do to people.
// They need Linux and root, and say so when they are skipped.
package e2e
