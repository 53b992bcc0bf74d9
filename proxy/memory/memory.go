// Package memory keeps what a process has in memory from others: the keys of a
// session, a password that was typed. And it has a process hold no more than it needs.
//
// OpenSSH does so for its agent and its sftp server, and not for its client,
// which forgets a password as soon as it is sent. Ours may keep it for days. It
// costs little: programs that we start are as they always were, a debugger that
// starts us goes on, and root may do what it could before. What other programs of
// the same user see of a process in /proc but for its memory and open files stays
// too, though the directory it runs in does not: tmux takes the shell's.
package memory

import "time"

// Settled is how long after a login the code is no longer run that only logins need.
const Settled = 5 * time.Second
