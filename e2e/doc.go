// Package e2e holds the tests that run the real program against OpenSSH's
// sshd, with a router between them that can do what networks do to people.
// They need Linux and root, and say so when they are skipped.
//
// What takes minutes is asked for:
//
//	go test ./e2e -run 'Travel|Outlives|Offline' -outage 20s -patience 3m
//	go test ./e2e -run Tail -tails 100 -tail-size 64 -patience 10m -timeout 6h
package e2e
